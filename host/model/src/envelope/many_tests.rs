use proptest::prelude::*;

use super::*;
use crate::{BucketDay, FileUid};

const LARGE: usize = 1 << 20;

fn origin() -> Origin {
    Origin {
        host_name: "web-1".into(),
        host_ip: "10.0.0.1".into(),
        path: "/var/log/é.log".into(),
        read_time_ms: 1_700_000_000_000,
        timezone_minutes: 60,
        chain: "".into(),
        encoding: Encoding::UTF_8,
    }
}

/// The lines of a file that begins at `base`.
fn lines_of(file: &[u8], base: u64) -> Vec<Packed> {
    let mut at = 0;
    let line = |bytes: &[u8]| {
        let span = at..at + bytes.len();
        at += bytes.len() + 1;
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(3), base + span.start as u64, bytes);
        Packed { span, id, fork: ForkPath::NONE, flags: LineFlags::default() }
    };
    file.strip_suffix(b"\n").unwrap_or(file).split(|byte| *byte == b'\n').map(line).collect()
}

/// All records of some lines: key and value of each.
fn pack(buffer: &[u8], lines: &[Packed], bytes_max: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut packer, mut records, mut at) = (Packer::default(), vec![], 0);
    while at < lines.len() {
        packer.begin(buffer, &lines[at], &origin());
        at += 1;
        while lines.get(at).is_some_and(|line| packer.push(buffer, line, bytes_max)) {
            at += 1;
        }
        let (key, value) = packer.finish(buffer);
        records.push((key.to_vec(), buffer[value].to_vec()));
    }
    records
}

fn unpack(key: &[u8], value: &[u8]) -> Result<Vec<Packed>, EnvelopeError> {
    Many::decode(key)?.unpack(value).collect()
}

#[test]
fn plain_lines_cost_two_bytes_and_the_value_is_the_piece_of_the_file() {
    let file = "a line of some length, as they come\n".repeat(1_000);
    let lines = lines_of(file.as_bytes(), 0);
    let records = pack(file.as_bytes(), &lines, LARGE);
    let [(key, value)] = records.as_slice() else { panic!("{} records", records.len()) };
    assert_eq!(value.as_slice(), file.as_bytes());
    assert!(key.len() < 1_000 + 100, "{} bytes", key.len());
    assert!(Many::is_many(key) && !crate::Envelope::is_ours(key));
    let many = Many::decode(key).unwrap();
    assert_eq!((many.lines, &many.origin), (1_000, &origin()));
    assert_eq!(unpack(key, value).unwrap(), lines);
}

#[test]
fn what_is_not_as_expected_reads_back_as_written() {
    let buffer = b"{\"a\":1}\r\n{\"a\":22}\n{\"a\":333}";
    let id = |offset: u64| EventId::ours(BucketDay::from_unix_ms(0), FileUid(3), offset, b"the line");
    let line = |span: Range<usize>, offset, fork, flags| Packed { span, id: id(offset), fork, flags };
    let lines = [
        line(0..7, u64::MAX, ForkPath::NONE.child(0), LineFlags::DOCUMENT),
        line(9..17, 4, ForkPath::NONE.child(1).child(700), LineFlags::DOCUMENT.with(LineFlags::CUT)),
        line(18..27, 4, ForkPath::NONE, LineFlags(0x80)),
    ];
    let records = pack(buffer, &lines, LARGE);
    assert_eq!(records.len(), 1);
    let moved: Vec<Packed> = unpack(&records[0].0, &records[0].1).unwrap();
    assert_eq!(moved, lines);
}

#[test]
fn lines_of_another_encoding_keep_it_and_end_with_its_newline() {
    let file = b"a\0b\0\n\0c\0\n\0";
    let origin = Origin { encoding: Encoding::named("utf-16le").unwrap(), ..origin() };
    let line = |span: Range<usize>| {
        let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(3), span.start as u64, &file[span.clone()]);
        Packed { span, id, fork: ForkPath::NONE, flags: LineFlags::default() }
    };
    let mut packer = Packer::default();
    packer.begin(file, &line(0..4), &origin);
    let before = packer.key.len();
    assert!(packer.push(file, &line(6..8), LARGE));
    assert_eq!(packer.key.len(), before + 1, "nothing unexpected");
    let (key, value) = packer.finish(file);
    assert_eq!(value, 0..file.len());
    assert_eq!(Many::decode(key).unwrap().origin, origin);
    assert_eq!(unpack(key, file).unwrap(), [line(0..4), line(6..8)]);
}

#[test]
fn a_record_ends_where_the_file_the_day_or_the_limit_does() {
    let file = b"one\ntwo\nthree\nfour\n";
    let mut lines = lines_of(file, 0);
    lines[1].id = EventId::ours(BucketDay::from_days(9).unwrap(), FileUid(3), 4, b"two");
    lines[3].id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(4), 14, b"four");
    let records = pack(file, &lines, LARGE);
    assert_eq!(
        records.iter().map(|(_, value)| value.as_slice()).collect::<Vec<_>>(),
        [b"one\n".as_slice(), b"two\n", b"three\n", b"four\n"]
    );
    let file = "0123456789\n".repeat(1_000);
    let records = pack(file.as_bytes(), &lines_of(file.as_bytes(), 0), 2_000);
    assert!(records.len() > 5 && records.iter().all(|(key, value)| key.len() + value.len() <= 2_000));
    assert_eq!(records.iter().flat_map(|(_, value)| value.clone()).collect::<Vec<_>>(), file.as_bytes());
}

#[test]
fn a_line_beyond_the_limit_is_a_record_alone() {
    let file = format!("short\n{}\nshort\n", "x".repeat(5_000));
    let records = pack(file.as_bytes(), &lines_of(file.as_bytes(), 0), 1_000);
    assert_eq!(records.iter().map(|(_, value)| value.len()).collect::<Vec<_>>(), [6, 5_001, 6]);
}

#[test]
fn every_cut_of_a_key_or_a_value_is_refused() {
    let file = b"one\n\ntwo\r\n";
    let records = pack(file, &lines_of(file, 7), LARGE);
    let (key, value) = &records[0];
    assert!((0..key.len()).all(|len| unpack(&key[..len], value).is_err()));
    assert!((0..value.len()).all(|len| unpack(key, &value[..len]).is_err()));
    assert_eq!(unpack(&[key.as_slice(), b"\0"].concat(), value), Err(EnvelopeError::TooLong));
    assert_eq!(unpack(key, &[value.as_slice(), b"x"].concat()), Err(EnvelopeError::NotTheValue));
    let newer = [b"LB\x02", &key[3..]].concat();
    assert_eq!(unpack(&newer, value), Err(EnvelopeError::UnknownVersion(2)));
}

proptest! {
    #[test]
    fn lines_read_back_as_written(file: Vec<u8>, base in 0u64..1 << 50, bytes_max in 0usize..3_000) {
        let lines = lines_of(&file, base);
        let mut read = vec![];
        let mut start = 0;
        for (key, value) in pack(&file, &lines, bytes_max) {
            for mut line in unpack(&key, &value).unwrap() {
                line.span = line.span.start + start..line.span.end + start;
                read.push(line);
            }
            start += value.len();
        }
        prop_assert_eq!(read, lines);
    }

    #[test]
    fn no_bytes_make_unpacking_panic(mut key: Vec<u8>, value: Vec<u8>, ours: bool) {
        if ours {
            let mut head = b"LB\x01\x00".to_vec();
            head.extend_from_slice(&(value.len() as u32).to_be_bytes());
            head.extend_from_slice(&[0, 0, 0, 9, 1]);
            key.splice(0..0, head);
        }
        let _ = unpack(&key, &value);
    }

    #[test]
    fn a_changed_byte_never_panics_and_never_makes_a_line_outside_of_the_value(at: prop::sample::Index, byte: u8) {
        let file = b"one line\nanother line\nand a third one\n";
        let (mut key, value) = pack(file, &lines_of(file, 0), LARGE).remove(0);
        let at = at.index(key.len());
        key[at] = byte;
        if let Ok(lines) = unpack(&key, &value) {
            prop_assert!(lines.iter().all(|line| line.span.end <= value.len()));
            prop_assert!(lines.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
        }
    }
}
