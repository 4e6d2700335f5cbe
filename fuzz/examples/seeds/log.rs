//! Seeds of the target `log`: short stories of accounts and rooms, as the bytes that the steps read.

/// Appends some proposals, without a row change after them.
fn append(proposals: &[&[u8]]) -> Vec<u8> {
    let mut step = vec![0, u8::try_from(proposals.len() - 1).unwrap()];
    step.extend(proposals.concat());
    step.push(0);
    step
}

/// All seeds. A proposal begins with its sender, id and kind.
pub fn seeds() -> Vec<Vec<u8>> {
    // The accounts "tom" and "ann", and the PUBLIC room "ann" of tom, with id 12.
    let begin = append(&[&[0, 1, 0, 0, 0], &[1, 1, 0, 3, 0], &[0, 2, 2, 0, 3, 1, 2]]);
    let hello = |sender: u8, id: u8, room: u8| [sender, id, 8, room, 3];
    let join = [1, 2, 6, 2, 0];
    let stories: [Vec<Vec<u8>>; 9] = [
        // Messages, resent, with the id of another one, and of another sender.
        vec![
            append(&[&hello(0, 3, 0), &hello(0, 3, 0), &hello(1, 3, 0)]),
            append(&[&hello(0, 3, 2), &hello(0, 3, 0)]),
        ],
        // A message before and after joining, and after being removed.
        vec![append(&[&hello(1, 3, 2), &join, &hello(1, 4, 2), &[0, 5, 7, 2, 1, 1], &hello(1, 6, 2)])],
        // A nick that is taken, from the account that holds it and from another one, and taken back.
        vec![append(&[&[2, 1, 0, 0, 0], &[2, 1, 0, 2, 1, 1], &[2, 1, 0, 1, 1, 0], &[0, 6, 1, 0, 0]])],
        // Topic, name and archive.
        vec![append(&[
            &[0, 3, 4, 2, 0],
            &[0, 4, 3, 2, 2],
            &[0, 5, 5, 2, 1],
            &hello(0, 6, 2),
            &[0, 7, 5, 2, 0],
        ])],
        // A DIRECT room, by both.
        vec![append(&[&[0, 3, 2, 2, 1, 1], &[1, 3, 2, 2, 0, 1], &hello(1, 4, 1), &hello(2, 4, 1)])],
        // The last owner, and the first member of an empty room.
        vec![
            append(&[&join, &[0, 3, 6, 2, 1], &[0, 4, 7, 2, 1, 4], &[0, 5, 6, 2, 1]]),
            append(&[&[1, 6, 6, 2, 1], &[0, 7, 6, 2, 0]]),
        ],
        // Retention between messages, one of them resent.
        vec![
            append(&[&hello(0, 3, 0), &hello(0, 4, 0), &hello(0, 5, 0)]),
            vec![200, 1],
            append(&[&hello(0, 3, 0), &hello(0, 6, 0)]),
        ],
        // Rebuilt, and opened again.
        vec![append(&[&hello(0, 3, 0)]), vec![220], append(&[&join]), vec![240], append(&[&hello(1, 3, 2)])],
        // Row changes.
        vec![vec![0, 0, 0, 3, 8, 0, 3, 1, 1, 0, 0, 1, 0], vec![0, 0, 0, 4, 8, 0, 3, 1, 0, 0, 1, 1]],
    ];
    stories.into_iter().map(|story| [vec![begin.clone()], story].concat().concat()).collect()
}
