//! Lists of entries as steps that follow each other.

/// The number of entries that get a step of their own.
const SINGLE: usize = 8;

/// Entries as steps that follow each other: the first eight alone, the rest in groups that double in size.
/// One more entry at the end changes the last step only, and a hundred entries make far fewer than a hundred layers.
pub(crate) fn chain<T>(entries: &[T]) -> Vec<&[T]> {
    let (single, mut rest) = entries.split_at(entries.len().min(SINGLE));
    let mut groups: Vec<&[T]> = single.chunks(1).collect();
    let mut size = SINGLE;
    while !rest.is_empty() {
        let (group, tail) = rest.split_at(rest.len().min(size));
        groups.push(group);
        rest = tail;
        size *= 2;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_grows_at_its_end() {
        let lengths = |count: usize| -> Vec<usize> { chain(&vec![0; count]).iter().map(|group| group.len()).collect() };
        assert_eq!(lengths(3), [1, 1, 1]);
        assert_eq!(lengths(17), [1, 1, 1, 1, 1, 1, 1, 1, 8, 1]);
        assert_eq!(lengths(18), [1, 1, 1, 1, 1, 1, 1, 1, 8, 2]);
        assert_eq!(lengths(1000).len(), 15);
    }
}
