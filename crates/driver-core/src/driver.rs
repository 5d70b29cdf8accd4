//! The driver as its adapters see it: one method for each thing that Nomad asks.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use linux_host::cgroup::CgroupMounts;
use oci_builder::CapabilitySet;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use crate::error::DriverError;
use crate::exec::{self, ExecRequest, ExecResult, ExecSession};
use crate::gc::{self, Reaper};
use crate::node::context::{Context, NodeCpu};
use crate::node::events::{Events, TaskEvent};
use crate::node::fd_budget::FdBudget;
use crate::node::fingerprint::{self, Fingerprint};
use crate::node::host::Host;
use crate::node::kept_snapshots::KeptSnapshots;
use crate::node::state_dir::StateDir;
use crate::ports::ConnectPort;
use crate::recovery::go_driver::{self, GoDriverTask};
use crate::recovery::namespaces::OtherNamespaces;
use crate::recovery::patience::Patience;
use crate::recovery::recover;
use crate::refusal::Refusal;
use crate::request::config::{PluginConfig, default_namespace};
use crate::request::ids::{ContainerId, TaskId};
use crate::request::signal::Signal;
use crate::request::task::TaskSpec;
use crate::running::destroy;
use crate::running::exit::TaskExit;
use crate::running::registry::Known;
use crate::running::state::{TaskHandle, TaskState};
use crate::running::stats::{self, Sampler, TaskUsage};
use crate::running::stop;
use crate::running::task::{Phase, Task};
use crate::start;

/// What is told of a task on request.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskStatus {
    /// The task's name.
    pub name: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was started.
    pub started_at: SystemTime,
    /// Facts for people: container id, pid, image digest.
    pub attributes: Vec<(&'static str, String)>,
}

/// The driver. Cloning gives the same one.
#[derive(Clone)]
pub struct Driver(Arc<Inner>);

struct Inner {
    connector: Arc<dyn ConnectPort>,
    context: RwLock<Option<Arc<Context>>>,
    other_namespaces: OtherNamespaces,
    known: Known,
    recovery_patience: Arc<Patience>,
    events: Events,
    kept_snapshots: Arc<KeptSnapshots>,
    fingerprint: watch::Sender<Fingerprint>,
    /// What goes on for one configuration; another one replaces it.
    background: Mutex<JoinSet<()>>,
}

impl Driver {
    /// A driver without a configuration; it answers what needs none.
    #[must_use]
    pub fn new(connector: Arc<dyn ConnectPort>) -> Self {
        Self(Arc::new(Inner {
            other_namespaces: OtherNamespaces::new(Arc::clone(&connector)),
            connector,
            context: RwLock::new(None),
            known: Known::default(),
            recovery_patience: Arc::default(),
            events: Events::new(),
            kept_snapshots: Arc::default(),
            fingerprint: watch::Sender::new(Fingerprint::unconfigured()),
            background: Mutex::default(),
        }))
    }

    /// Takes the operator's configuration. Needs no daemon; must be called within a tokio runtime.
    ///
    /// # Errors
    /// A configuration that can never work.
    pub fn configure(&self, config: PluginConfig, node: NodeCpu) -> Result<(), DriverError> {
        let cgroups =
            CgroupMounts::read().map_err(|error| DriverError::host("the host's cgroups")(error.into()))?;
        let namespace = config.namespace(cgroups.mode());
        let ports = self.0.connector.connect(&config, &namespace).map_err(DriverError::Configuration)?;
        let files = StateDir::new(&config.state_dir);
        let (enabled, reaps) = (config.enabled, config.dangling_containers.enabled);
        let (node, host) = (node.or_of_host(), Host::read());
        let allow_caps =
            CapabilitySet::from_names("allow_caps", &config.allow_caps).map_err(Refusal::from)?;
        let context = Arc::new(Context {
            config,
            node,
            host,
            allow_caps,
            ports,
            files,
            cgroups,
            events: self.0.events.clone(),
            fds: FdBudget::default(),
            kept_snapshots: Arc::clone(&self.0.kept_snapshots),
        });
        *self.0.context.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&context));
        self.0.other_namespaces.clear();
        let mut background = JoinSet::new();
        if enabled {
            background.spawn(fingerprint::keep(Arc::clone(&context), self.0.fingerprint.clone()));
        }
        if enabled && reaps {
            background.spawn(Reaper::new(context, self.0.known.clone()).run());
        }
        *self.0.background.lock().unwrap_or_else(PoisonError::into_inner) = background;
        if !enabled {
            self.0.fingerprint.send_replace(Fingerprint::disabled());
        }
        Ok(())
    }

    fn context(&self) -> Result<Arc<Context>, DriverError> {
        let context = self.0.context.read().unwrap_or_else(PoisonError::into_inner);
        context.clone().ok_or(DriverError::NotConfigured)
    }

    fn context_in(&self, namespace: &str) -> Result<Arc<Context>, DriverError> {
        self.0.other_namespaces.get(self.context()?, namespace)
    }

    /// The fingerprint, watched.
    #[must_use]
    pub fn fingerprint(&self) -> watch::Receiver<Fingerprint> {
        self.0.fingerprint.subscribe()
    }

    /// All task events from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<TaskEvent> {
        self.0.events.subscribe()
    }

    /// Whether the client is to collect what tasks write; before a configuration it is.
    #[must_use]
    pub fn collects_logs(&self) -> bool {
        self.context().map_or(true, |context| !context.config.disable_log_collection)
    }

    /// How often usage is sampled: the operator's interval, else the client's.
    #[must_use]
    pub fn stats_interval(&self, of_client: Duration) -> Duration {
        self.context().ok().and_then(|context| context.config.stats_interval).unwrap_or(of_client)
    }

    /// Starts a task; one of the same id that runs here is adopted. A caller that goes away does not end the start.
    ///
    /// # Errors
    /// A refusal or the failure of a step, after which nothing of the start is left.
    pub async fn start_task(&self, spec: TaskSpec) -> Result<TaskHandle, DriverError> {
        let started = tokio::spawn(start::start_task(self.context()?, self.0.known.clone(), spec));
        started.await.map_err(|_| DriverError::Interrupted("the start of the task"))?
    }

    /// Takes up a task of an earlier process, in the namespace that it was started in. Repeating it is harmless.
    ///
    /// # Errors
    /// When the task is gone; the client then destroys the handle and starts anew.
    pub async fn recover_task(&self, id: TaskId, state: TaskState) -> Result<(), DriverError> {
        self.0.known.node.learn(&state.node_id);
        let (known, container) = (id.clone(), state.container_id());
        let (context, together) = (self.context_in(&state.namespace)?, Arc::clone(&self.0.recovery_patience));
        let work = async move { recover::recover(context, &together, id, state).await };
        self.take_up(known, container, work).await
    }

    /// Takes up a task that the Go driver of the same name started. Repeating it is harmless.
    ///
    /// # Errors
    /// When the task is gone; the client then destroys the handle and starts anew.
    pub async fn adopt_task(&self, task: GoDriverTask) -> Result<(), DriverError> {
        self.0.known.node.learn(&task.identity.node_id);
        let (id, container) = (task.id.clone(), ContainerId::existing(task.container.as_str()));
        let context = self.context_in(default_namespace(self.context()?.mode()))?;
        let together = Arc::clone(&self.0.recovery_patience);
        let work = async move { go_driver::adopt(context, &together, task).await };
        self.take_up(id, container, work).await
    }

    /// Takes a task up once, however often it is asked for. A caller that goes away does not end it.
    async fn take_up(
        &self,
        id: TaskId,
        container: ContainerId,
        work: impl Future<Output = Result<Arc<Task>, DriverError>> + Send + 'static,
    ) -> Result<(), DriverError> {
        let driver = self.clone();
        let taken_up = tokio::spawn(async move {
            let _lock = driver.0.known.locks.take(&container).await;
            if driver.0.known.tasks.find(&id).is_none() {
                driver.0.known.tasks.insert(work.await?);
            }
            Ok(())
        });
        taken_up.await.map_err(|_| DriverError::Interrupted("the recovery of the task"))?
    }

    /// Waits for the confirmed end of a task.
    ///
    /// # Errors
    /// [`DriverError::TaskNotFound`].
    pub async fn wait_task(&self, id: &TaskId) -> Result<TaskExit, DriverError> {
        Ok(self.0.known.tasks.get(id)?.wait_for_caller().await)
    }

    /// Stops a task: `signal` (empty for the image's or SIGTERM), SIGKILL after `timeout`. One that is being started
    /// does not start.
    ///
    /// # Errors
    /// An unknown id or signal, or a task that does not die.
    pub async fn stop_task(
        &self,
        id: &TaskId,
        timeout: Duration,
        signal: &str,
    ) -> Result<(), Arc<DriverError>> {
        let was_starting = self.0.known.starts.cancel(id).await;
        match self.0.known.tasks.get(id) {
            Ok(task) => stop::stop(&task, timeout, signal).await,
            // The start has ended, and removed what it had made.
            Err(_) if was_starting => Ok(()),
            Err(unknown) => Err(Arc::new(unknown)),
        }
    }

    /// Removes a task; with `force` also a running one. Work that the daemon's absence interrupts goes on later. Of
    /// a task that this process does not know, what carries its id is removed.
    ///
    /// # Errors
    /// An id of which nothing is left, a running task without force, or the daemon's failure.
    pub async fn destroy_task(&self, id: &TaskId, force: bool) -> Result<(), DriverError> {
        let known = self.0.known.clone();
        if force {
            known.starts.cancel(id).await;
        }
        let removed = match known.tasks.find(id) {
            Some(task) => tokio::spawn(destroy::destroy_known(known, task, force)),
            None => {
                let here = self.context().map_err(|_| DriverError::TaskNotFound)?;
                let contexts = std::iter::once(here).chain(self.0.other_namespaces.all()).collect();
                tokio::spawn(gc::destroy_by_id(contexts, known, id.clone(), force))
            }
        };
        removed.await.map_err(|_| DriverError::Interrupted("the removal of the task"))?
    }

    /// What is known of a task.
    ///
    /// # Errors
    /// [`DriverError::TaskNotFound`].
    pub fn inspect_task(&self, id: &TaskId) -> Result<TaskStatus, DriverError> {
        let task = self.0.known.tasks.get(id)?;
        Ok(TaskStatus {
            name: task.identity.task.clone(),
            phase: task.phase(),
            started_at: task.state.started_at(),
            attributes: vec![
                ("containerd_id", task.container.to_string()),
                ("pid", task.state.pid.to_string()),
                ("image_digest", task.state.image_digest.clone()),
                ("cgroup", task.state.cgroup.display().to_string()),
            ],
        })
    }

    /// Samples a task's usage at an interval, the first at once, until the task ends or the receiver is dropped.
    ///
    /// # Errors
    /// [`DriverError::TaskNotFound`].
    pub fn task_stats(
        &self,
        id: &TaskId,
        interval: Duration,
    ) -> Result<mpsc::Receiver<TaskUsage>, DriverError> {
        let task = self.0.known.tasks.get(id)?;
        let (sender, receiver) = mpsc::channel(1);
        let mut sampler = Sampler::new(task.context.node.core_mhz);
        tokio::spawn(async move {
            let ended = async { drop(task.wait().await) };
            stats::stream(interval, ended, sender, || sampler.sample(&task)).await;
        });
        Ok(receiver)
    }

    /// Sends a signal to a task's first process.
    ///
    /// # Errors
    /// An unknown id or signal, or a task that has ended.
    pub async fn signal_task(&self, id: &TaskId, signal: &str) -> Result<(), DriverError> {
        let task = self.0.known.tasks.get(id)?;
        let signal = Signal::parse(signal)?;
        if task.phase() != Phase::Running {
            return Err(DriverError::NotRunning(id.to_string()));
        }
        stop::send(&task, signal).await
    }

    /// Runs a command in a task to its end; zero is no timeout.
    ///
    /// # Errors
    /// An unknown or ended task, a program that can not be run, the timeout.
    pub async fn exec_task(
        &self,
        id: &TaskId,
        command: Vec<String>,
        timeout: Duration,
    ) -> Result<ExecResult, DriverError> {
        exec::run_once(self.0.known.tasks.get(id)?, command, timeout).await
    }

    /// Opens a command in a task with its input and output.
    ///
    /// # Errors
    /// [`DriverError::TaskNotFound`]; later failures arrive in the session.
    pub fn exec_session(&self, id: &TaskId, request: ExecRequest) -> Result<ExecSession, DriverError> {
        Ok(exec::open(self.0.known.tasks.get(id)?, request))
    }

    /// How many tasks this process knows.
    #[must_use]
    pub fn task_count(&self) -> usize {
        self.0.known.tasks.len()
    }
}
