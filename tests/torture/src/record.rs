//! The lines of a record, whichever of the two forms it has.

use collector_model::{
    EventId,
    envelope::{Envelope, many::Many},
};

/// Calls `take` with each line of a record and its id, in order; a record that cannot be read as one of ours has no id.
pub(crate) fn lines_of(key: &[u8], value: &[u8], mut take: impl FnMut(Option<EventId>, &[u8])) {
    if !Many::is_many(key) {
        return take(Envelope::decode(key).ok().map(|envelope| envelope.id), value);
    }
    let unpacked: Result<Vec<_>, _> = Many::decode(key).and_then(|many| many.unpack(value).collect());
    match unpacked {
        Ok(lines) => lines.into_iter().for_each(|line| take(Some(line.id), &value[line.span])),
        Err(_) => take(None, value),
    }
}

/// How many lines a record has.
pub(crate) fn lines_in(key: &[u8]) -> i64 {
    if Many::is_many(key) { Many::decode(key).map_or(1, |many| i64::from(many.lines)) } else { 1 }
}

#[cfg(test)]
mod tests {
    use collector_model::{
        BucketDay, FileUid, ForkPath, LineFlags, Origin,
        envelope::{self, many::Packed, many::Packer},
    };

    use super::*;

    fn id(offset: u64, line: &[u8]) -> EventId {
        EventId::ours(BucketDay::from_unix_ms(86_400_000), FileUid(7), offset, line)
    }

    fn read(key: &[u8], value: &[u8]) -> Vec<(Option<EventId>, Vec<u8>)> {
        let mut lines = vec![];
        lines_of(key, value, |id, line| lines.push((id, line.to_vec())));
        assert_eq!(lines.len() as i64, lines_in(key));
        lines
    }

    #[test]
    fn both_forms_give_the_same_lines_and_ids() {
        let (buffer, origin, mut key) = (b"one\ntwo\n", Origin::default(), vec![]);
        let (one, two) = (id(40, b"one"), id(44, b"two"));
        envelope::encode(&one, &ForkPath::NONE, LineFlags::default(), &origin, &mut key);
        assert_eq!(read(&key, b"one"), [(Some(one), b"one".to_vec())]);
        let packed = |span, id| Packed { span, id, fork: ForkPath::NONE, flags: LineFlags::default() };
        let mut packer = Packer::default();
        packer.begin(buffer, &packed(0..3, one), &origin);
        assert!(packer.push(buffer, &packed(4..7, two), 10_000));
        let (key, value) = packer.finish(buffer);
        assert_eq!(read(key, &buffer[value]), [(Some(one), b"one".to_vec()), (Some(two), b"two".to_vec())]);
    }

    #[test]
    fn what_is_not_as_we_write_it_is_one_line_without_an_id() {
        assert_eq!(read(b"", b"hello"), [(None, b"hello".to_vec())]);
    }
}
