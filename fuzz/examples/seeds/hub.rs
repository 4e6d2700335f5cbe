//! Seeds of the target `hub`: short scenarios.

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    // The first byte selects the settings.
    let connect = |slot: u8| vec![0, slot];
    // Slot, nick, flags: version 1, batches, secret (24: the one issued in the slot that follows).
    let log_in = |slot: u8, nick: u8| vec![3, slot, nick, 5];
    let resume = |slot: u8, nick: u8, of: u8| vec![3, slot, nick, 29, of];
    // A message with id `id`, under the connection's nick.
    let talk = |slot: u8, id: u8| vec![5, slot, 0, id, 0, 0];
    let basic_login = |slot: u8, nick: u8| vec![5, slot, 0, 0, 1, nick, 1];
    let (disconnect, settle, minute) = (|slot: u8| vec![2, slot], vec![14], vec![12, 0x83, 0xE8]);
    let pause_log = vec![16, 1];
    let scenarios = vec![
        vec![vec![0], connect(0), log_in(0, 0), settle.clone(), talk(0, 1), talk(0, 1), settle.clone()],
        vec![
            vec![0],
            connect(0),
            connect(1),
            log_in(0, 0),
            log_in(1, 2),
            talk(0, 1),
            talk(1, 2),
            minute.clone(),
        ],
        vec![
            vec![0],
            connect(0),
            basic_login(0, 2),
            connect(1),
            basic_login(1, 2),
            settle.clone(),
            minute.clone(),
        ],
        vec![vec![0], connect(0), basic_login(0, 9), talk(0, 0), vec![5, 0, 6, 0], vec![5, 0, 5, 0]],
        vec![vec![0], connect(0), log_in(0, 0), settle.clone(), connect(1), resume(1, 0, 0), talk(1, 3)],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            settle.clone(),
            disconnect(0),
            minute.clone(),
            connect(0),
            resume(0, 0, 0),
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            connect(1),
            log_in(1, 1),
            connect(2),
            log_in(2, 4),
            settle.clone(),
        ],
        vec![
            vec![4],
            connect(0),
            log_in(0, 0),
            connect(1),
            log_in(1, 2),
            connect(2),
            log_in(2, 3),
            connect(3),
            log_in(3, 9),
        ],
        vec![
            vec![1],
            connect(0),
            log_in(0, 0),
            [1, 2, 3, 4, 5, 6, 7].map(|n| talk(0, n)).concat(),
            minute.clone(),
        ],
        vec![
            vec![8],
            connect(0),
            log_in(0, 0),
            disconnect(0),
            connect(1),
            log_in(1, 2),
            disconnect(1),
            connect(2),
            resume(2, 0, 0),
        ],
        vec![vec![0], connect(0), log_in(0, 0), vec![9, 0, 3, 0, 1, 0, 0, 0, 2, 0, 0, 7, 5], settle.clone()],
        vec![vec![0], connect(0), log_in(0, 0), vec![5, 0, 8], vec![5, 0, 10, 1, 9, 5, 1], vec![5, 0, 11, 1]],
        vec![vec![0], connect(0), vec![11, 0, 3, 0x0A, 1, 0x41], settle.clone(), disconnect(0)],
        vec![
            vec![0],
            connect(0),
            minute.clone(),
            connect(1),
            log_in(1, 0),
            vec![13, 9, 9],
            talk(1, 1),
            vec![13, 0, 0],
        ],
        vec![vec![0], connect(0), log_in(0, 0), connect(1), vec![19, 0xFF], connect(2), settle.clone()],
        // Messages one after the other to a member that receives them all.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            settle.clone(),
            [1, 2, 3].map(|n| [talk(0, n), vec![14]].concat()).concat(),
        ],
        // The log stops answering, answers one request, fails, and works again.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            pause_log.clone(),
            talk(0, 1),
            settle.clone(),
            talk(0, 2),
            vec![16, 2],
            disconnect(0),
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            vec![16, 3],
            talk(0, 1),
            settle.clone(),
            vec![16, 4],
            minute.clone(),
        ],
        vec![vec![0], connect(0), log_in(0, 0), pause_log, talk(0, 1), settle.clone(), vec![19, 0xFF]],
        // The server is killed and restarted.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            vec![19, 1],
            connect(0),
            resume(0, 0, 0),
            talk(0, 1),
        ],
        // Slow consumers: one that can load what it missed, and one that cannot.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            connect(1),
            log_in(1, 2),
            vec![17, 1],
            talk(0, 1),
            settle.clone(),
            vec![18, 1],
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            connect(1),
            basic_login(1, 2),
            vec![17, 1],
            talk(0, 1),
            settle.clone(),
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            vec![5, 0, 10, 1, 9, 5, 1],
            vec![5, 0, 11, 1, 0, 5, 2],
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            connect(1),
            vec![3, 1, 2, 0x25, 0, 0x40],
            settle.clone(),
        ],
        // Positions in the log: with the id of the message there, with another one, and beyond the end.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            settle.clone(),
            connect(1),
            vec![3, 1, 2, 0xE5, 1, 0],
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            settle.clone(),
            connect(1),
            vec![3, 1, 2, 0xE5, 1, 16],
        ],
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            talk(0, 1),
            settle.clone(),
            connect(1),
            vec![3, 1, 2, 0xE5, 9, 1],
        ],
        // Older than the messages that a restarted server has read.
        vec![
            vec![0],
            connect(0),
            log_in(0, 0),
            [1, 2, 3, 4, 5, 6, 7].map(|n| talk(0, n)).concat(),
            vec![19, 1],
            connect(0),
            vec![3, 0, 0, 0xE5, 1, 0],
            connect(1),
            vec![3, 1, 2, 0xE5, 1, 18],
            settle.clone(),
        ],
        // More messages at once than one broadcast carries.
        vec![vec![0], connect(0), [5, 0, 0, 0, 1, 0, 0, 14].repeat(40)],
    ];
    scenarios.into_iter().map(|scenario| scenario.concat()).collect()
}
