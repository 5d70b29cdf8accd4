//! Signals by the names that job files, images and consul-template use.

/// A signal name or number that does not exist; the text that Nomad's drivers use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid signal: {0}")]
pub struct InvalidSignal(String);

/// A signal of Linux on this architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// SIGTERM, the default of a stop.
    pub const TERM: Self = Self(15);
    /// SIGKILL.
    pub const KILL: Self = Self(9);

    /// The signal's number.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// Reads a name with or without `SIG`, in any case, `RTMIN+n` or `RTMAX-n`, or a number from 1 to 64.
    ///
    /// # Errors
    /// [`InvalidSignal`].
    pub fn parse(text: &str) -> Result<Self, InvalidSignal> {
        let upper = text.trim().to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number = name.parse().ok().filter(|number| (1..=LAST).contains(number));
        number
            .or_else(|| NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number))
            .or_else(|| realtime(name))
            .map(Self)
            .ok_or_else(|| InvalidSignal(text.to_owned()))
    }
}

/// First real-time signal that programs may use (glibc reserves 32 and 33).
const RTMIN: i32 = 34;
/// Last signal of Linux.
const LAST: i32 = 64;

fn realtime(name: &str) -> Option<i32> {
    let offset = |text: &str, sign: char| match text {
        "" => Some(0),
        _ => text.strip_prefix(sign)?.parse::<i32>().ok(),
    };
    let number = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => RTMIN + offset(rest, '+')?,
        (_, Some(rest)) => LAST - offset(rest, '-')?,
        _ => return None,
    };
    (RTMIN..=LAST).contains(&number).then_some(number)
}

/// signal(7), the numbers of x86 and ARM.
const NAMES: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("UNUSED", 31),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_every_usual_spelling() {
        for (text, number) in [
            ("SIGHUP", 1),
            ("hup", 1),
            ("SigUsr1", 10),
            ("15", 15),
            ("SIGRTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
        ] {
            assert_eq!(Signal::parse(text).unwrap().number(), number, "{text}");
        }
    }

    #[test]
    fn an_unknown_signal_is_refused_in_the_conventional_words() {
        for text in ["SIGFOO", "", "0", "65", "RTMIN+99", "RTMINX"] {
            assert_eq!(Signal::parse(text).unwrap_err().to_string(), format!("invalid signal: {text}"));
        }
    }
}
