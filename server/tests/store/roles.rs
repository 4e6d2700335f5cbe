//! Roles in the lobby that the operator gives.

use std::process::{Command, Output};

use parlour_core::model::{Role, RoomId, UserId};
use parlour_server::store::{
    Change, EventLog as _, LogError, RoomLimits,
    check::CheckError,
    roles::{RoleError, give_role},
    sqlite::Options,
};

use crate::world::{Dir, FAST, NOW, TOM, World, entry, new, propose};

const TIM: UserId = UserId([3; 16]);

/// Closes a log while `change` changes its directory.
fn closed(world: World, options: &Options, change: impl FnOnce(&Dir)) -> World {
    let World { log, read, dir } = world;
    drop((read, log));
    change(&dir);
    let log = dir.open_with(options).unwrap();
    World { read: log.reader().unwrap(), log, dir }
}

fn create(n: u8) -> Change {
    let (room, name) = (RoomId([n; 16]), format!("room {n}").into());
    let kind = parlour_core::model::RoomKind::Public;
    Change::CreateRoom { room, kind, name, topic: "".into(), people: [].into() }
}

#[test]
fn moderator_that_the_operator_names_may_create_rooms() {
    let options =
        Options { rooms: RoomLimits { creators: Role::Moderator, ..RoomLimits::default() }, ..FAST };
    let mut world = World::new().reopen_with(&options);
    new(&world.append(&[propose(9, TIM, Change::CreateAccount { nick: "tím".into(), from: None })])[0]);
    let messages = [entry(10, RoomId::LOBBY, "one"), entry(11, RoomId::LOBBY, "two")];
    assert!(world.append(&messages).into_iter().all(|outcome| new(&outcome).ord > 0));
    let before = world.read.events(RoomId::LOBBY, 0, 100).unwrap().seq;
    let unread = |world: &mut World| {
        let rows = world.read.room_rows(TIM, 0).unwrap().rows;
        (rows[0].role, rows[0].room.head_ord - rows[0].read_ord)
    };
    assert_eq!(unread(&mut world), (Role::Member, 2));
    let mut world = closed(world, &options, |dir| {
        assert_eq!(give_role(dir, " TÍM ", Role::Moderator, NOW).unwrap(), "tím");
        // It has the role already.
        assert_eq!(give_role(dir, "tím", Role::Moderator, NOW).unwrap(), "tím");
    });
    new(&world.append(&[propose(20, TIM, create(20))])[0]);
    // Messages that it has not read stay so, and the log has the event.
    assert_eq!(unread(&mut world), (Role::Moderator, 2));
    let events = world.read.events(RoomId::LOBBY, before, 100).unwrap().events;
    let changes: Vec<_> = events.iter().map(|event| (event.sender, event.change.clone())).collect();
    let change = Change::ChangeMember { room: RoomId::LOBBY, account: TIM, role: Role::Moderator };
    assert_eq!(changes, [(TIM, change)]);
    assert_eq!(world.log.differences().unwrap(), Vec::<String>::new());
    let mut world = closed(world, &options, |dir| {
        give_role(dir, "tím", Role::Member, NOW).unwrap();
    });
    assert!(matches!(
        world.append(&[propose(21, TIM, create(21))])[0],
        parlour_server::store::Outcome::Refused(_)
    ));
}

#[test]
fn role_is_given_to_the_holder_of_a_name_only() {
    let world = World::new();
    let error = give_role(&world.dir, "tom", Role::Owner, NOW).unwrap_err();
    assert!(matches!(error, RoleError::Check(CheckError::Log(LogError::InUse(_)))), "{error}");
    closed(world, &FAST, |dir| {
        // The second one looks like tom's.
        for nick in ["tomas", "tоm"] {
            let error = give_role(dir, nick, Role::Owner, NOW).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("Nobody has the name {nick:?}; the user must have logged in with it before.")
            );
        }
    });
    let empty = Dir::new();
    assert!(matches!(
        give_role(&empty, "tom", Role::Owner, NOW),
        Err(RoleError::Check(CheckError::NoLog(_)))
    ));
}

#[test]
fn program_gives_a_role() {
    let run = |dir: &Dir, arguments: &[&str]| -> (bool, String, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_parlour-server"));
        let Output { status, stdout, stderr } =
            program.arg("role").args(arguments).arg("--data-dir").arg(&**dir).output().unwrap();
        (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    };
    let mut world = closed(World::new(), &FAST, |dir| {
        let done = "tom has the role owner in the lobby\n".to_owned();
        assert_eq!(run(dir, &["Tom", "owner"]), (true, done, String::new()));
        let unknown =
            "Nobody has the name \"lili\"; the user must have logged in with it before.\n".to_owned();
        assert_eq!(run(dir, &["lili", "moderator"]), (false, String::new(), unknown));
        assert!(!run(dir, &["tom", "invited"]).0);
    });
    assert_eq!(world.read.room_rows(TOM, 0).unwrap().rows[0].role, Role::Owner);
    // Who owns the lobby gives roles without the operator.
    new(&world.append(&[propose(9, TIM, Change::CreateAccount { nick: "tim".into(), from: None })])[0]);
    let change = Change::ChangeMember { room: RoomId::LOBBY, account: TIM, role: Role::Moderator };
    new(&world.append(&[propose(10, TOM, change)])[0]);
}
