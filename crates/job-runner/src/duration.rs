//! Durations as people read them.

use std::time::Duration;

/// A duration with its two largest units, none smaller than a millisecond.
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}.{} s", (milliseconds % 1000) / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_with_its_two_largest_units() {
        assert_eq!(show_duration(Duration::from_millis(84)), "84 ms");
        assert_eq!(show_duration(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(show_duration(Duration::from_secs(90)), "1 min 30 s");
        assert_eq!(show_duration(Duration::from_secs(7_260)), "2 h 1 min");
    }
}
