//! The life of a task as a pure machine: stages, events, and what each event asks for or why it is denied. It knows no
//! daemon, no clock and no lock; the start pipeline, the monitor, stop, destroy and recovery all act on what it says.

mod cell;
mod event;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub(crate) use cell::LifeCell;
pub(crate) use event::{Denial, Effect, Event, Link, Report};
pub(crate) use stage::{Stage, Step, Thing};

use crate::running::exit::TaskExit;

/// What an event is answered with.
pub(crate) type Answer = Result<Effect, Denial>;

/// One task from the request for it until nothing of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Life {
    stage: Stage,
    /// What exists, or may exist because a call for it was begun.
    held: BTreeSet<Thing>,
    /// The step that is under way.
    begun: Option<Step>,
    link: Link,
}

impl Life {
    pub(crate) fn requested() -> Self {
        Self { stage: Stage::Requested, held: BTreeSet::new(), begun: None, link: Link::Up }
    }

    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The confirmed end, once there is one.
    pub(crate) fn exit(&self) -> Option<&TaskExit> {
        match &self.stage {
            Stage::Exited(exit) | Stage::Destroyed(Some(exit)) => Some(exit),
            _ => None,
        }
    }

    /// Takes an event. A denied one changes nothing.
    pub(crate) fn on(&mut self, event: Event) -> Answer {
        match event {
            Event::Begun(step) => self.begun(step),
            Event::Reached(step) => self.reached(step),
            Event::Failed => self.failed(),
            Event::Recovered(report) => self.recovered(report),
            Event::Ended(exit) => self.ended(exit),
            Event::Lost => self.linked(Link::Lost, Effect::TellLost),
            Event::Found => self.linked(Link::Up, Effect::TellFound),
            Event::Stop => self.stop(),
            Event::StopFailed => self.stop_failed(),
            Event::Destroy { force } => self.destroy(force),
            Event::Released(thing) => self.released(thing),
            Event::Gone => self.gone(),
        }
    }

    fn begun(&mut self, step: Step) -> Answer {
        if self.stage != step.from() || self.begun.is_some() {
            return Err(self.denial(Denial::OutOfOrder));
        }
        self.begun = Some(step);
        self.held.extend(step.makes());
        Ok(Effect::Nothing)
    }

    fn reached(&mut self, step: Step) -> Answer {
        if self.begun != Some(step) {
            return Err(self.denial(Denial::OutOfOrder));
        }
        self.begun = None;
        self.stage = step.to();
        Ok(if self.stage == Stage::Started { Effect::Watch } else { Effect::Nothing })
    }

    fn failed(&mut self) -> Answer {
        match self.stage {
            Stage::Requested | Stage::Image | Stage::Rootfs | Stage::Network | Stage::Created => {
                self.stage = Stage::Unwinding;
                self.begun = None;
                Ok(self.release())
            }
            Stage::Unwinding => Ok(self.release()),
            _ => Err(self.denial(Denial::Started)),
        }
    }

    fn recovered(&mut self, report: Report) -> Answer {
        if self.stage != Stage::Requested || self.begun.is_some() {
            return Err(self.denial(Denial::OutOfOrder));
        }
        let (stage, link, effect) = match report {
            Report::Running | Report::Alive => (Stage::Started, Link::Up, Effect::Watch),
            Report::Unknown => (Stage::Started, Link::Lost, Effect::Watch),
            Report::Stopped(exit) => (Stage::Exited(exit.clone()), Link::Up, Effect::Report(exit)),
            Report::NeverStarted => return Err(Denial::NotStarted),
            Report::Gone => return Err(Denial::Gone),
        };
        (self.stage, self.link) = (stage, link);
        self.held.extend(Thing::KEPT);
        Ok(effect)
    }

    fn ended(&mut self, exit: TaskExit) -> Answer {
        match self.stage {
            Stage::Started | Stage::Exiting => {
                self.stage = Stage::Exited(exit.clone());
                Ok(Effect::Report(exit))
            }
            Stage::Exited(_) => Err(Denial::Ended),
            _ => Err(self.denial(Denial::NotStarted)),
        }
    }

    fn linked(&mut self, link: Link, tell: Effect) -> Answer {
        match self.stage {
            Stage::Started | Stage::Exiting if self.link == link => Ok(Effect::Nothing),
            Stage::Started | Stage::Exiting => {
                self.link = link;
                Ok(tell)
            }
            Stage::Exited(_) => Err(Denial::Ended),
            _ => Err(self.denial(Denial::NotStarted)),
        }
    }

    fn stop(&mut self) -> Answer {
        match self.stage {
            Stage::Started => {
                self.stage = Stage::Exiting;
                Ok(Effect::Signal)
            }
            Stage::Exiting => Ok(Effect::Join),
            Stage::Exited(_) | Stage::Destroyed(Some(_)) => Ok(Effect::Nothing),
            _ => Err(self.denial(Denial::NotStarted)),
        }
    }

    fn stop_failed(&mut self) -> Answer {
        match self.stage {
            Stage::Exiting => {
                self.stage = Stage::Started;
                Ok(Effect::Nothing)
            }
            Stage::Exited(_) => Err(Denial::Ended),
            _ => Err(self.denial(Denial::OutOfOrder)),
        }
    }

    fn destroy(&mut self, force: bool) -> Answer {
        match self.stage {
            Stage::Started | Stage::Exiting if force => Ok(Effect::Kill),
            Stage::Started | Stage::Exiting => Err(Denial::StillRunning),
            Stage::Exited(_) => Ok(self.release()),
            Stage::Destroyed(_) => Ok(Effect::Nothing),
            _ => Err(Denial::NotStarted),
        }
    }

    fn released(&mut self, thing: Thing) -> Answer {
        let ending = matches!(self.stage, Stage::Exited(_) | Stage::Unwinding);
        if !ending && thing != Thing::Staged {
            return Err(self.denial(Denial::InUse(thing)));
        }
        if self.held.remove(&thing) { Ok(Effect::Nothing) } else { Err(Denial::NotHeld(thing)) }
    }

    fn gone(&mut self) -> Answer {
        if let Some(thing) = self.held.last() {
            return Err(Denial::StillHeld(*thing));
        }
        let exit = match &self.stage {
            Stage::Exited(exit) => Some(exit.clone()),
            Stage::Unwinding => None,
            _ => return Err(self.denial(Denial::OutOfOrder)),
        };
        self.stage = Stage::Destroyed(exit);
        Ok(Effect::Nothing)
    }

    /// What is to be given back, the last made first.
    fn release(&self) -> Effect {
        Effect::Release(self.held.iter().rev().copied().collect())
    }

    /// The given denial, except that a destroyed task is that above all.
    fn denial(&self, otherwise: Denial) -> Denial {
        if matches!(self.stage, Stage::Destroyed(_)) { Denial::Destroyed } else { otherwise }
    }
}
