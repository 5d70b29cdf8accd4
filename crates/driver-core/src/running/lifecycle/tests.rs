//! What every event does in every stage, and what holds whatever happens in whatever order.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::ports::Exit;

fn exit(code: u32) -> TaskExit {
    TaskExit::confirmed(Exit { code, at: SystemTime::UNIX_EPOCH }, false)
}

fn events() -> Vec<Event> {
    let mut events = vec![Event::Failed];
    for step in Step::ALL {
        events.extend([Event::Begun(step), Event::Reached(step)]);
    }
    let reports = [
        Report::Running,
        Report::Alive,
        Report::Unknown,
        Report::Stopped(exit(3)),
        Report::NeverStarted,
        Report::Gone,
    ];
    events.extend(reports.into_iter().map(Event::Recovered));
    events.extend([Event::Ended(exit(0)), Event::Lost, Event::Found, Event::Stop, Event::StopFailed]);
    events.extend([Event::Destroy { force: false }, Event::Destroy { force: true }]);
    events.extend(Thing::ALL.map(Event::Released));
    events.push(Event::Gone);
    events
}

fn all(life: &mut Life, events: impl IntoIterator<Item = Event>) {
    for event in events {
        life.on(event).unwrap();
    }
}

/// A life of every stage, reached as the driver reaches it.
fn lives() -> Vec<Life> {
    let mut life = Life::requested();
    let mut lives = vec![life.clone()];
    for step in Step::ALL {
        all(&mut life, [Event::Begun(step)]);
        lives.push(life.clone());
        all(&mut life, [Event::Reached(step)]);
        if step == Step::Create {
            all(&mut life, [Event::Released(Thing::Staged)]);
        }
        lives.push(life.clone());
    }
    for event in [Event::Stop, Event::Ended(exit(42))] {
        all(&mut life, [event]);
        lives.push(life.clone());
    }
    let mut unwinding = lives[4].clone();
    all(&mut unwinding, [Event::Failed]);
    lives.push(unwinding);
    all(&mut life, Thing::KEPT.map(Event::Released));
    all(&mut life, [Event::Gone]);
    lives.push(life);
    lives
}

fn short(stage: &Stage) -> String {
    match stage {
        Stage::Exited(exit) => format!("Exited({})", exit.code),
        Stage::Destroyed(Some(exit)) => format!("Destroyed({})", exit.code),
        other => format!("{other:?}"),
    }
}

fn told(event: &Event, before: &Life) -> String {
    let mut life = before.clone();
    let answer = match life.on(event.clone()) {
        Ok(Effect::Report(exit)) => format!("Report({})", exit.code),
        Ok(effect) => format!("{effect:?}"),
        Err(denial) => return format!("denied: {denial}"),
    };
    if life.stage() == before.stage() { answer } else { format!("{answer} → {}", short(life.stage())) }
}

#[test]
fn every_event_in_every_stage() {
    let mut table = String::new();
    for life in lives() {
        let begun = life.begun.map(|step| format!(", {step:?} begun")).unwrap_or_default();
        writeln!(table, "{}{begun}", short(life.stage())).unwrap();
        let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in events() {
            let name = match &event {
                Event::Ended(exit) => format!("Ended({})", exit.code),
                Event::Recovered(Report::Stopped(exit)) => format!("Recovered(Stopped({}))", exit.code),
                other => format!("{other:?}"),
            };
            answers.entry(told(&event, &life)).or_default().push(name);
        }
        for (answer, events) in answers {
            writeln!(table, "  {answer}\n      {}", events.join(", ")).unwrap();
        }
    }
    expect_test::expect_file!["../../../goldens/life.txt"].assert_eq(&table);
}

fn any_event() -> impl Strategy<Value = Event> {
    proptest::sample::select(events())
}

/// Mostly the events that a driver sends, so that long lives are reached, among any others.
fn plausible() -> impl Strategy<Value = Vec<Event>> {
    let forward = Step::ALL.into_iter().flat_map(|step| [Event::Begun(step), Event::Reached(step)]);
    let forward: Vec<Event> = forward.collect();
    let rest = proptest::collection::vec(any_event(), 0..60);
    (0..=forward.len(), proptest::collection::vec(any_event(), 0..6), rest)
        .prop_map(move |(n, odd, rest)| forward[..n].iter().cloned().chain(odd).chain(rest).collect())
}

proptest! {
    #[test]
    fn an_end_is_reported_once_and_only_when_it_was_confirmed(events in plausible()) {
        let mut life = Life::requested();
        let mut reported = Vec::new();
        for event in events {
            let confirms = matches!(event, Event::Ended(_) | Event::Recovered(Report::Stopped(_)));
            if let Ok(Effect::Report(exit)) = life.on(event) {
                prop_assert!(confirms);
                reported.push(exit);
            }
            prop_assert_eq!(life.exit(), reported.first());
        }
        prop_assert!(reported.len() <= 1);
    }

    #[test]
    fn whatever_was_made_is_given_back_exactly_once(events in plausible()) {
        let mut life = Life::requested();
        let mut made: BTreeMap<Thing, i32> = BTreeMap::new();
        for event in events {
            let begun = match &event {
                Event::Begun(step) => step.makes(),
                Event::Recovered(_) => &Thing::KEPT[..],
                _ => &[],
            };
            let before = life.held.clone();
            let answer = life.on(event.clone());
            if answer.is_ok() {
                begun.iter().filter(|thing| !before.contains(thing)).for_each(|thing| *made.entry(*thing).or_default() += 1);
                if let Event::Released(thing) = event {
                    *made.entry(thing).or_default() -= 1;
                }
            }
            prop_assert!(made.values().all(|count| (0..=1).contains(count)));
            if matches!(life.stage(), Stage::Destroyed(_)) {
                prop_assert!(made.values().all(|count| *count == 0));
            }
        }
    }

    #[test]
    fn nothing_happens_to_what_is_destroyed_and_a_denial_changes_nothing(events in plausible()) {
        let mut life = Life::requested();
        for event in events {
            let before = life.clone();
            let answer = life.on(event);
            if answer.is_err() || matches!(before.stage(), Stage::Destroyed(_)) {
                prop_assert_eq!(&life, &before);
            }
        }
    }

    #[test]
    fn whoever_releases_what_is_asked_comes_to_an_end(events in plausible(), code in 0u32..256) {
        let mut life = Life::requested();
        for event in events {
            let _any = life.on(event);
        }
        let _not_running = life.on(Event::Ended(exit(code)));
        for event in [Event::Failed, Event::Destroy { force: true }] {
            if let Ok(Effect::Release(things)) = life.on(event) {
                prop_assert!(things.is_sorted_by(|later, earlier| later > earlier));
                all(&mut life, things.into_iter().map(Event::Released));
                prop_assert_eq!(life.on(Event::Gone), Ok(Effect::Nothing));
            }
        }
        prop_assert!(matches!(life.stage(), Stage::Destroyed(_)));
    }
}
