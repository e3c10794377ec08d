//! Timestamps as `Date.prototype.toISOString` prints them. Knows no time zones and reads no clock.
//!
//! Days become dates by Howard Hinnant's `civil_from_days`
//! (<https://howardhinnant.github.io/date_algorithms.html>): the year starts in March, so that the leap
//! day comes last and months follow a straight line.

const MS_PER_DAY: i64 = 86_400_000;

/// The furthest millisecond from the epoch, in both directions, that a JavaScript `Date` can hold.
pub const MAX_MS: i64 = 8_640_000_000_000_000;

/// Appends the timestamp; milliseconds beyond [`MAX_MS`] are taken for the nearest that is valid.
pub fn iso_into(out: &mut Vec<u8>, ms: i64) {
    let ms = ms.clamp(-MAX_MS, MAX_MS);
    let (year, month, day) = civil_from_days(ms.div_euclid(MS_PER_DAY));
    let in_day = ms.rem_euclid(MS_PER_DAY) as u64;
    match year {
        0..=9999 => push_padded(out, year as u64, 4),
        _ => {
            out.push(if year < 0 { b'-' } else { b'+' });
            push_padded(out, year.unsigned_abs(), 6);
        }
    }
    for (separator, value, width) in [
        (b'-', month, 2),
        (b'-', day, 2),
        (b'T', in_day / 3_600_000, 2),
        (b':', in_day / 60_000 % 60, 2),
        (b':', in_day / 1000 % 60, 2),
        (b'.', in_day % 1000, 3),
    ] {
        out.push(separator);
        push_padded(out, value, width);
    }
    out.push(b'Z');
}

/// Prints times that follow each other closely: what was printed last is kept.
#[derive(Debug, Default)]
pub struct Stamp {
    ms: Option<i64>,
    text: Vec<u8>,
}

impl Stamp {
    /// The timestamp, as [`iso_into`] appends it.
    pub fn iso(&mut self, ms: i64) -> &[u8] {
        if self.ms != Some(ms) {
            self.text.clear();
            iso_into(&mut self.text, ms);
            self.ms = Some(ms);
        }
        &self.text
    }
}

fn push_padded(out: &mut Vec<u8>, value: u64, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10u64.pow(place) % 10) as u8);
    }
}

/// Year, month and day of the proleptic Gregorian calendar.
fn civil_from_days(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097) as u64;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era as i64 + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
