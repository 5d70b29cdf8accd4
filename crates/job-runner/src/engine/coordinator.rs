//! Which tasks are started and stopped next, from the states that all of them are in.

use crate::jobfile::Stage;

/// What the coordinator knows of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// When it runs.
    pub stage: Stage,
    /// Whether its end ends the group.
    pub leader: bool,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not running yet, or waiting to be started again.
    Pending,
    /// It runs.
    Running,
    /// It has ended for good.
    Dead {
        /// Whether it failed.
        failed: bool,
    },
}

/// Why the group is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The task at this position has failed.
    Failed(usize),
    /// The leader, at this position, has ended.
    LeaderDone(usize),
    /// Only sidecars are left.
    MainDone,
    /// Somebody wants it.
    Interrupted,
}

/// One thing to do. Each is asked for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start the task for the first time.
    Start(usize),
    /// Stop the task as it wishes to be stopped.
    Stop(usize, Cause),
    /// End the task at once.
    Kill(usize),
    /// The task was never started and will not be.
    Skip(usize),
}

/// What was asked for a task so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Nothing,
    Start,
    Stop,
    Kill,
    Skip,
}

/// The group's course.
#[derive(Debug)]
pub struct Coordinator {
    members: Vec<Member>,
    asked: Vec<Asked>,
    cause: Option<Cause>,
    hurry: bool,
}

impl Coordinator {
    /// A group of which nothing was started.
    pub fn new(members: Vec<Member>) -> Self {
        let asked = vec![Asked::Nothing; members.len()];
        Self { members, asked, cause: None, hurry: false }
    }

    /// Somebody wants the group to stop; the second time, at once.
    pub fn interrupt(&mut self) {
        if self.cause == Some(Cause::Interrupted) {
            self.hurry = true;
        }
        self.cause = Some(Cause::Interrupted);
    }

    /// Why the group is stopped, if it is.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// What is to be done now that the tasks are in these states.
    pub fn next(&mut self, states: &[State]) -> Vec<Action> {
        if self.cause.is_none() {
            self.cause = self.find_cause(states);
        }
        let mut actions = Vec::new();
        match self.cause {
            None => self.go_on(states, &mut actions),
            Some(cause) => self.stop(cause, states, &mut actions),
        }
        if self.all_dead(states, |member| member.stage != Stage::Poststop) {
            for position in self.positions(|member| member.stage == Stage::Poststop) {
                match self.hurry {
                    false => self.ask(position, Asked::Start, Action::Start(position), &mut actions),
                    true => self.end_at_once(position, states, &mut actions),
                }
            }
        }
        actions
    }

    fn positions(&self, wanted: impl Fn(&Member) -> bool) -> Vec<usize> {
        (0..self.members.len()).filter(|position| wanted(&self.members[*position])).collect()
    }

    fn all_dead(&self, states: &[State], wanted: impl Fn(&Member) -> bool) -> bool {
        self.positions(wanted).into_iter().all(|position| matches!(states[position], State::Dead { .. }))
    }

    fn ask(&mut self, position: usize, what: Asked, action: Action, actions: &mut Vec<Action>) {
        if self.asked[position] < what {
            self.asked[position] = what;
            actions.push(action);
        }
    }

    fn find_cause(&self, states: &[State]) -> Option<Cause> {
        let lasting = self.positions(|member| member.stage != Stage::Poststop);
        let dead = |position: &usize| matches!(states[*position], State::Dead { .. });
        if let Some(leader) = lasting.iter().copied().find(|p| self.members[*p].leader && dead(p)) {
            return Some(match states[leader] {
                State::Dead { failed: true } => Cause::Failed(leader),
                _ => Cause::LeaderDone(leader),
            });
        }
        let failed = lasting.iter().copied().find(|p| states[*p] == State::Dead { failed: true });
        if let Some(failed) = failed {
            return Some(Cause::Failed(failed));
        }
        let mut alive = lasting.iter().filter(|position| !dead(position)).peekable();
        let only_sidecars = alive.peek().is_some() && alive.all(|p| self.members[*p].stage.is_sidecar());
        only_sidecars.then_some(Cause::MainDone)
    }

    fn go_on(&mut self, states: &[State], actions: &mut Vec<Action>) {
        let mut stages = vec![[Stage::Prestart, Stage::PrestartSidecar].as_slice()];
        let sidecars = self.positions(|member| member.stage == Stage::PrestartSidecar);
        let prepared = self.all_dead(states, |member| member.stage == Stage::Prestart)
            && (self.main_was_started() || sidecars.into_iter().all(|p| states[p] != State::Pending));
        if prepared {
            stages.push([Stage::Main].as_slice());
            let main = self.positions(|member| member.stage == Stage::Main);
            if main.into_iter().all(|position| states[position] != State::Pending)
                || self.poststart_was_started()
            {
                stages.push([Stage::Poststart, Stage::PoststartSidecar].as_slice());
            }
        }
        for stage in stages.concat() {
            for position in self.positions(|member| member.stage == stage) {
                self.ask(position, Asked::Start, Action::Start(position), actions);
            }
        }
    }

    /// A sidecar that is started again later does not hold up what went on already.
    fn main_was_started(&self) -> bool {
        self.was_started(|stage| stage == Stage::Main)
    }

    fn poststart_was_started(&self) -> bool {
        self.was_started(|stage| matches!(stage, Stage::Poststart | Stage::PoststartSidecar))
    }

    fn was_started(&self, wanted: impl Fn(Stage) -> bool) -> bool {
        self.positions(|member| wanted(member.stage)).into_iter().any(|p| self.asked[p] >= Asked::Start)
    }

    /// The leader first, then what is no sidecar, then sidecars; each when those before are dead.
    fn stop(&mut self, cause: Cause, states: &[State], actions: &mut Vec<Action>) {
        for position in self.positions(|member| member.stage != Stage::Poststop) {
            if self.asked[position] == Asked::Nothing {
                self.ask(position, Asked::Skip, Action::Skip(position), actions);
            } else if self.hurry {
                self.end_at_once(position, states, actions);
            }
        }
        let waves: [fn(&Member) -> bool; 3] = [
            |member| member.leader && member.stage != Stage::Poststop,
            |member| !member.leader && member.stage != Stage::Poststop && !member.stage.is_sidecar(),
            |member| !member.leader && member.stage.is_sidecar(),
        ];
        for wave in waves {
            for position in self.positions(wave) {
                if !matches!(states[position], State::Dead { .. }) {
                    self.ask(position, Asked::Stop, Action::Stop(position, cause), actions);
                }
            }
            let alive = |position: &usize| {
                self.asked[*position] != Asked::Skip && !matches!(states[*position], State::Dead { .. })
            };
            if self.positions(wave).iter().any(alive) {
                return;
            }
        }
    }

    fn end_at_once(&mut self, position: usize, states: &[State], actions: &mut Vec<Action>) {
        if matches!(states[position], State::Dead { .. }) {
            return;
        }
        match self.asked[position] {
            Asked::Nothing => self.ask(position, Asked::Skip, Action::Skip(position), actions),
            _ => self.ask(position, Asked::Kill, Action::Kill(position), actions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Action::*;
    use super::State::*;
    use super::*;
    use proptest::prelude::*;

    const DONE: State = Dead { failed: false };
    const FAILED: State = Dead { failed: true };

    fn group(stages: &[Stage]) -> Coordinator {
        Coordinator::new(stages.iter().map(|stage| Member { stage: *stage, leader: false }).collect())
    }

    #[test]
    fn main_tasks_wait_for_prestart_tasks_to_end_and_sidecars_to_run() {
        let mut group = group(&[Stage::Main, Stage::Prestart, Stage::PrestartSidecar]);
        assert_eq!(group.next(&[Pending; 3]), [Start(1), Start(2)]);
        assert_eq!(group.next(&[Pending, Running, Running]), []);
        assert_eq!(group.next(&[Pending, DONE, Pending]), []);
        assert_eq!(group.next(&[Pending, DONE, Running]), [Start(0)]);
    }

    #[test]
    fn a_failed_prestart_task_keeps_the_main_task_from_starting() {
        let mut group = group(&[Stage::Prestart, Stage::Main]);
        group.next(&[Pending; 2]);
        assert_eq!(group.next(&[FAILED, Pending]), [Skip(1)]);
        assert_eq!(group.cause(), Some(Cause::Failed(0)));
    }

    #[test]
    fn poststart_tasks_start_when_every_main_task_has_started() {
        let mut group = group(&[Stage::Main, Stage::Main, Stage::Poststart]);
        assert_eq!(group.next(&[Pending; 3]), [Start(0), Start(1)]);
        assert_eq!(group.next(&[Running, Pending, Pending]), []);
        assert_eq!(group.next(&[DONE, Running, Pending]), [Start(2)]);
    }

    #[test]
    fn sidecars_are_stopped_when_the_main_tasks_have_ended_and_poststop_follows() {
        let mut group = group(&[Stage::PrestartSidecar, Stage::Main, Stage::Poststop]);
        group.next(&[Pending; 3]);
        group.next(&[Running, Pending, Pending]);
        assert_eq!(group.next(&[Running, DONE, Pending]), [Stop(0, Cause::MainDone)]);
        assert_eq!(group.next(&[Running, DONE, Pending]), []);
        assert_eq!(group.next(&[DONE, DONE, Pending]), [Start(2)]);
        assert_eq!(group.next(&[DONE, DONE, DONE]), []);
    }

    #[test]
    fn a_failed_task_stops_the_others_sidecars_last() {
        let mut group = group(&[Stage::PrestartSidecar, Stage::Main, Stage::Main]);
        group.next(&[Pending; 3]);
        group.next(&[Running, Pending, Pending]);
        let cause = Cause::Failed(1);
        assert_eq!(group.next(&[Running, FAILED, Running]), [Stop(2, cause)]);
        assert_eq!(group.next(&[Running, FAILED, DONE]), [Stop(0, cause)]);
    }

    #[test]
    fn a_leader_that_ends_stops_the_others_and_is_itself_stopped_first() {
        let member = |leader| Member { stage: Stage::Main, leader };
        let mut ended = Coordinator::new(vec![member(false), member(true)]);
        ended.next(&[Pending; 2]);
        assert_eq!(ended.next(&[Running, DONE]), [Stop(0, Cause::LeaderDone(1))]);
        let mut stopped = Coordinator::new(vec![member(false), member(true)]);
        stopped.next(&[Pending; 2]);
        stopped.interrupt();
        assert_eq!(stopped.next(&[Running, Running]), [Stop(1, Cause::Interrupted)]);
        assert_eq!(stopped.next(&[Running, DONE]), [Stop(0, Cause::Interrupted)]);
    }

    #[test]
    fn an_interrupt_stops_in_order_and_still_runs_poststop_tasks() {
        let mut group = group(&[Stage::PrestartSidecar, Stage::Main, Stage::Poststop]);
        group.next(&[Pending; 3]);
        group.next(&[Running, Pending, Pending]);
        group.interrupt();
        assert_eq!(group.next(&[Running, Running, Pending]), [Stop(1, Cause::Interrupted)]);
        assert_eq!(group.next(&[Running, DONE, Pending]), [Stop(0, Cause::Interrupted)]);
        assert_eq!(group.next(&[DONE, DONE, Pending]), [Start(2)]);
    }

    #[test]
    fn a_second_interrupt_ends_everything_at_once() {
        let mut group = group(&[Stage::PrestartSidecar, Stage::Main, Stage::Poststop]);
        group.next(&[Pending; 3]);
        group.next(&[Running, Pending, Pending]);
        group.interrupt();
        group.next(&[Running, Running, Pending]);
        group.interrupt();
        assert_eq!(group.next(&[Running, Running, Pending]), [Kill(0), Kill(1)]);
        assert_eq!(group.next(&[DONE, DONE, Pending]), [Skip(2)]);
    }

    #[test]
    fn a_sidecar_that_is_started_again_does_not_stop_the_course() {
        let mut group = group(&[Stage::PrestartSidecar, Stage::Main, Stage::Poststart]);
        group.next(&[Pending; 3]);
        assert_eq!(group.next(&[Running, Pending, Pending]), [Start(1)]);
        assert_eq!(group.next(&[Pending, Running, Pending]), [Start(2)]);
    }

    fn stages() -> impl Strategy<Value = Vec<Member>> {
        let stage = prop::sample::select(vec![
            Stage::Prestart,
            Stage::PrestartSidecar,
            Stage::Main,
            Stage::Poststart,
            Stage::PoststartSidecar,
            Stage::Poststop,
        ]);
        prop::collection::vec((stage, any::<bool>()), 1..6).prop_map(|members| {
            let mut members: Vec<Member> =
                members.into_iter().map(|(stage, leader)| Member { stage, leader }).collect();
            members.push(Member { stage: Stage::Main, leader: false });
            members
        })
    }

    proptest! {
        /// Tasks do whatever they do, in any order: the group always comes to an end, and nothing
        /// is asked for twice.
        #[test]
        fn every_course_ends_with_all_tasks_dead(
            members in stages(),
            moves in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8), 0..60),
        ) {
            let count = members.len();
            let mut group = Coordinator::new(members);
            let mut states = vec![Pending; count];
            let (mut started, mut told) = (vec![false; count], vec![false; count]);
            let mut carry_out = |group: &mut Coordinator, states: &mut Vec<State>, started: &mut Vec<bool>| {
                for action in group.next(states) {
                    match action {
                        Start(p) => { assert!(!started[p], "started twice"); started[p] = true; }
                        Stop(p, _) | Kill(p) => { assert!(started[p]); told[p] = true; }
                        Skip(p) => { assert!(!started[p]); states[p] = DONE; }
                    }
                }
            };
            for (index, what) in moves {
                carry_out(&mut group, &mut states, &mut started);
                let p = index.index(count);
                if started[p] && !matches!(states[p], Dead { .. }) {
                    states[p] = [Running, Pending, DONE, FAILED][usize::from(what)];
                }
            }
            // From here on everything that is alive ends by itself.
            for _ in 0..count * 4 {
                carry_out(&mut group, &mut states, &mut started);
                for p in 0..count {
                    if started[p] && !matches!(states[p], Dead { .. }) {
                        states[p] = if states[p] == Pending { Running } else { DONE };
                    }
                }
            }
            prop_assert!(states.iter().all(|state| matches!(state, Dead { .. })), "{states:?}");
        }
    }
}
