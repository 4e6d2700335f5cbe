//! Seeds of the target `client`: short scenarios.

/// Joins steps.
fn scenario(steps: &[&[u8]]) -> Vec<u8> {
    steps.concat()
}

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    // The first byte seeds the client.
    let (log_in, opened, closed): (&[u8], &[u8], &[u8]) = (&[0, 0], &[1], &[2, 3]);
    // Flags, heartbeat.
    let plain: &[u8] = &[4, 0, 1, 0x4F, 0xFF];
    // Two rows: room, kind, role, newest message, unread ones, cursor, attention, people. Then flags, version, no nick.
    let two_rows: &[u8] = &[2, 0, 0, 1, 9, 2, 0, 0, 0, 1, 1, 1, 5, 5, 0, 0, 0, 0, 1, 5, 0];
    let full = &[&[4, 0, 3, 0x4F, 0xFF], two_rows].concat()[..];
    // The client's positions are of another log.
    let other_log = &[&[4, 0, 0x83, 0x4F, 0xFF], two_rows].concat()[..];
    // A frame of a basic server: two names in the list, sender, type, content.
    let basic: &[u8] = &[4, 15, 2, 0, 1, 0, 4, 1];
    let echo: &[u8] = &[4, 15, 0, 0, 0, 0];
    let (talk, ack): (&[u8], &[u8]) = (&[13, 0], &[4, 2, 0, 0, 7, 0]);
    let talk_in_room: &[u8] = &[13, 4];
    let (minute, four, reload): (&[u8], &[u8], &[u8]) = (&[19, 0x83, 0xE8], &[19, 0x4F, 0xFF], &[20]);
    // Id, text, sequence number, room, ord, time, sender, nick.
    let other: &[u8] = &[4, 4, 3, 0, 0, 12, 0, 0, 5, 0, 1];
    // A command: room, kind of action, tab, id, command.
    let (subscribe, subscribe_tab): (&[u8], &[u8]) = (&[22, 0, 6, 0, 1, 0], &[22, 0, 6, 1, 1, 0]);
    let load: &[u8] = &[22, 0, 6, 0, 1, 6, 9];
    let leave: &[u8] = &[22, 1, 6, 0, 4, 16];
    let done_in_room: &[u8] = &[4, 8, 0, 0, 3, 1];
    // A page: range, one message, one person, oldest and newest ord, sequence number, flags.
    let page: &[u8] = &[0, 2, 1, 7, 0, 0, 2, 2, 0, 1, 1, 1, 1, 1, 9, 9, 0, 0];
    let window = &[&[4, 8, 0, 2, 5, 0, 9][..], page, &[0]].concat()[..];
    let page_answer = &[&[4, 8, 0, 3][..], page, &[0]].concat()[..];
    vec![
        scenario(&[log_in, opened, plain, talk, ack, minute]),
        scenario(&[log_in, opened, full, talk, closed, minute, opened, full, ack]),
        scenario(&[log_in, opened, full, subscribe, window, other, load, page_answer]),
        // A command that is not answered, on a live connection and then on another one.
        scenario(&[log_in, opened, full, &[4, 11, 1], load, four, other, four, other, four, other]),
        scenario(&[log_in, opened, full, load, closed, minute, opened, full, page_answer]),
        scenario(&[log_in, opened, plain, talk, talk, reload, opened, plain, minute]),
        scenario(&[log_in, opened, plain, &[21, 1], talk, reload, opened, plain]),
        scenario(&[log_in, opened, plain, &[21, 1], talk, &[21, 3], &[18, 7], log_in]),
        scenario(&[log_in, opened, basic, talk, echo, &[18, 0]]),
        scenario(&[log_in, opened, basic, talk, closed, minute, opened, basic, &[16, 0], echo]),
        scenario(&[log_in, opened, plain, talk, &[4, 6, 20, 2, 0], &[16, 0], &[17, 0]]),
        scenario(&[log_in, opened, plain, talk, talk, &[4, 6, 40, 2, 1, 0x4F, 0xFF], minute, ack]),
        scenario(&[log_in, opened, &[4, 6, 12, 0, 0], log_in, opened, plain]),
        // Membership, rows, activity, presence.
        scenario(&[log_in, opened, full, subscribe, window, &[4, 16, 0, 3, 0, 0, 1, 0, 10, 1, 1, 1]]),
        scenario(&[log_in, opened, full, &[&[4, 17], two_rows].concat(), &[4, 13, 0, 1, 1, 3]]),
        scenario(&[log_in, opened, full, &[4, 18, 2, 1, 1, 1, 0, 0, 1, 5, 1], &[22, 0, 2], &[22, 0, 3, 4]]),
        scenario(&[log_in, opened, full, talk_in_room, leave, done_in_room, talk_in_room]),
        // Two tabs; live messages are skipped.
        scenario(&[log_in, opened, full, subscribe, window, subscribe_tab, window, other, window]),
        scenario(&[
            log_in,
            opened,
            full,
            subscribe,
            window,
            subscribe_tab,
            window,
            &[23, 5],
            closed,
            four,
            opened,
            full,
        ]),
        scenario(&[log_in, opened, plain, &[4, 11, 1], minute, &[4, 10, 5], &[4, 13, 1, 0, 9], closed]),
        scenario(&[log_in, opened, plain, talk, &[18, 7], log_in, opened, plain]),
        scenario(&[log_in, opened, plain, &[18, 5], minute, &[18, 4], &[18, 3], &[18, 1], &[18, 2]]),
        scenario(&[
            log_in,
            opened,
            plain,
            &[9, 3, 2, 0, 0, 7, 0, 4, 3, 0, 0, 12, 0, 0, 5, 0, 1],
            &[10, 2, 1, 0, 0, 0, 1],
        ]),
        scenario(&[log_in, opened, basic, &[10, 3, 1, 1, 1, 0, 0, 0, 2, 0, 4, 1, 1, 3, 3]]),
        scenario(&[
            log_in,
            opened,
            plain,
            talk,
            &[23, 2, 0],
            &[23, 1, 9, 9],
            &[23, 0],
            &[12, 3, 10, 1, 0x41],
        ]),
        scenario(&[log_in, opened, full, subscribe, window, other, closed, minute, opened, other_log, other]),
        scenario(&[log_in, opened, full, reload, opened, other_log]),
    ]
}
