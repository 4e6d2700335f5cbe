//! Seeds of the target `session`: short scenarios.

/// Joins steps.
fn scenario(steps: &[&[u8]]) -> Vec<u8> {
    steps.concat()
}

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    // The first byte seeds the session.
    let (log_in, opened, closed): (&[u8], &[u8], &[u8]) = (&[0, 0], &[1], &[2, 3]);
    // Flags, heartbeat, position.
    let (plain, full): (&[u8], &[u8]) = (&[4, 0, 1, 0x4F, 0xFF, 0], &[4, 0, 3, 0x4F, 0xFF, 9]);
    // A frame of a basic server: two names in the list, sender, type, content.
    let basic: &[u8] = &[4, 15, 2, 0, 1, 0, 4, 1];
    let echo: &[u8] = &[4, 15, 0, 0, 0, 0];
    let (talk, ack): (&[u8], &[u8]) = (&[13, 0], &[4, 2, 0, 0, 7, 0]);
    let (minute, four, reload): (&[u8], &[u8], &[u8]) = (&[19, 0x83, 0xE8], &[19, 0x4F, 0xFF], &[20]);
    let other: &[u8] = &[4, 4, 3, 0, 0, 12, 5, 1];
    // The client's messages are of another log.
    let reset: &[u8] = &[4, 0, 0x13, 0x4F, 0xFF, 20];
    vec![
        scenario(&[log_in, opened, plain, talk, ack, minute]),
        scenario(&[log_in, opened, full, talk, closed, minute, opened, full, ack]),
        scenario(&[log_in, opened, full, other, &[22, 1, 9], &[4, 12, 1, 0, 9, 2, 3, 0, 0, 8, 0, 1]]),
        // A requested history page that does not arrive, on a live connection.
        scenario(&[log_in, opened, full, &[4, 11, 1], &[22, 1, 9], four, other, four, other, four, other]),
        scenario(&[log_in, opened, plain, talk, talk, reload, opened, plain, minute]),
        scenario(&[log_in, opened, plain, &[21, 1], talk, reload, opened, plain]),
        scenario(&[log_in, opened, plain, &[21, 1], talk, &[21, 3], &[18, 7], log_in]),
        scenario(&[log_in, opened, basic, talk, echo, &[18, 0]]),
        scenario(&[log_in, opened, basic, talk, closed, minute, opened, basic, &[16, 0], echo]),
        scenario(&[log_in, opened, plain, talk, &[4, 6, 20, 2, 0], &[16, 0], &[17, 0]]),
        scenario(&[log_in, opened, plain, talk, talk, &[4, 6, 40, 2, 1, 0x4F, 0xFF], minute, ack]),
        scenario(&[log_in, opened, &[4, 6, 12, 0, 0], log_in, opened, plain]),
        scenario(&[log_in, opened, plain, &[4, 8, 3, 0, 1, 1, 1, 2, 2, 9, 1, 0], &[4, 9, 2, 1, 0, 2, 1, 5]]),
        scenario(&[log_in, opened, plain, &[4, 11, 1], minute, &[4, 10, 5], &[4, 13, 1, 0, 9], closed]),
        scenario(&[log_in, opened, plain, talk, &[18, 7], log_in, opened, plain]),
        scenario(&[log_in, opened, plain, &[18, 5], minute, &[18, 4], &[18, 3], &[18, 1], &[18, 2]]),
        scenario(&[
            log_in,
            opened,
            plain,
            &[9, 3, 2, 0, 0, 7, 0, 4, 3, 0, 0, 12, 5, 1],
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
        scenario(&[log_in, opened, full, other, closed, minute, opened, reset, other]),
        scenario(&[log_in, opened, full, reload, opened, reset]),
    ]
}
