//! Zones by their abbreviations.

/// Abbreviations and what they may mean, in minutes east of UTC, the most usual first.
const ZONES: &[(&str, &[i64])] = &[
    ("UTC", &[0]),
    ("GMT", &[0]),
    ("CET", &[60]),
    ("CEST", &[120]),
    ("EST", &[-300, 600]),
    ("EDT", &[-240, 660]),
    ("CST", &[-360, 480, -300, 570]),
    ("CDT", &[-300, -240, 630]),
    ("MST", &[-420, 480, 390]),
    ("MDT", &[-360]),
    ("PST", &[-480, 480]),
    ("PDT", &[-420]),
    ("WET", &[0]),
    ("WEST", &[60]),
    ("EET", &[120]),
    ("EEST", &[180]),
    ("MSK", &[180, 240]),
    ("MSD", &[240]),
    ("BST", &[60, 360]),
    ("IST", &[330, 120, 60]),
    ("IDT", &[180]),
    ("JST", &[540]),
    ("KST", &[540]),
    ("HKT", &[480]),
    ("SGT", &[480]),
    ("PHT", &[480]),
    ("WIB", &[420]),
    ("WITA", &[480]),
    ("WIT", &[540]),
    ("ICT", &[420]),
    ("PKT", &[300]),
    ("NPT", &[345]),
    ("AFT", &[270]),
    ("IRST", &[210]),
    ("IRDT", &[270]),
    ("GST", &[240]),
    ("TRT", &[180]),
    ("SAST", &[120]),
    ("CAT", &[120]),
    ("EAT", &[180]),
    ("WAT", &[60]),
    ("AST", &[-240, 180]),
    ("ADT", &[-180]),
    ("NST", &[-210]),
    ("NDT", &[-150]),
    ("BRT", &[-180]),
    ("BRST", &[-120]),
    ("ART", &[-180]),
    ("CLT", &[-240]),
    ("CLST", &[-180]),
    ("COT", &[-300]),
    ("PET", &[-300]),
    ("VET", &[-240, -270]),
    ("UYT", &[-180]),
    ("AKST", &[-540]),
    ("AKDT", &[-480]),
    ("HST", &[-600]),
    ("HDT", &[-540]),
    ("SST", &[-660]),
    ("ACST", &[570]),
    ("ACDT", &[630]),
    ("AEST", &[600]),
    ("AEDT", &[660]),
    ("AWST", &[480]),
    ("NZST", &[720]),
    ("NZDT", &[780]),
    ("ChST", &[600]),
    ("UCT", &[0]),
    ("Z", &[0]),
    ("SAMT", &[240]),
    ("YEKT", &[300]),
    ("OMST", &[360]),
    ("NOVT", &[420]),
    ("KRAT", &[420]),
    ("IRKT", &[480]),
    ("YAKT", &[540]),
    ("VLAT", &[600]),
    ("MAGT", &[660]),
    ("PETT", &[720]),
];

/// Minutes east of UTC. An abbreviation of several zones means the local one where that is among them; an unknown one means the local zone.
pub(crate) fn minutes(zone: &[u8], local_min: i64) -> i64 {
    match ZONES.iter().find(|(name, _)| name.as_bytes() == zone) {
        Some((_, meanings)) if !meanings.contains(&local_min) => meanings[0],
        _ => local_min,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviation_of_several_zones_means_the_local_one() {
        assert_eq!(minutes(b"CEST", -120), 120);
        assert_eq!(minutes(b"CST", 0), -360);
        assert_eq!(minutes(b"CST", 480), 480);
        assert_eq!(minutes(b"IST", 120), 120);
        assert_eq!(minutes(b"XYZ", 345), 345);
    }

    #[test]
    fn every_abbreviation_is_there_once_and_means_something() {
        for (i, (name, meanings)) in ZONES.iter().enumerate() {
            assert!(meanings.iter().all(|m| (-720..=840).contains(m)) && !meanings.is_empty(), "{name}");
            assert!(ZONES[..i].iter().all(|(other, _)| other != name), "{name}");
        }
    }
}
