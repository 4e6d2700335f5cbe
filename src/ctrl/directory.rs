//! Lists that the server is asked for: public rooms, people, members of a room.

use std::{cmp::Ordering, sync::Arc};

use futures_util::future::join;
use parlour_core::{
    client::{Command, Reply},
    model::{PresenceState, Refusal, Role, RoomId, UserId},
    presence,
    status::Status,
};

use super::store::Store;

/// The number of rooms or members of a page.
const PAGE_ENTRIES: u32 = 50;
/// The number of people that are requested for a beginning of a nick.
const FOUND_PEOPLE: u32 = 20;
/// The number of pages in which a room with a certain name is looked for.
const SEARCHED_PAGES: usize = 10;
/// The number of pages without a room after which the user decides about more. The server looks at some thousand names for each.
const EMPTY_PAGES: usize = 5;

/// A public room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRoom {
    /// The room.
    pub room: RoomId,
    /// The name.
    pub name: Arc<str>,
    /// The topic; may be empty.
    pub topic: Arc<str>,
    /// The number of members.
    pub members: usize,
    /// The account is a member.
    pub joined: bool,
    /// The room can be read, but not written to.
    pub archived: bool,
}

/// Somebody else, or a member of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The account.
    pub account: UserId,
    /// The nick.
    pub nick: Arc<str>,
    /// The presence.
    pub state: PresenceState,
    /// The role in the room whose members were asked for; otherwise [`Role::None`].
    pub role: Role,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The list continues after them.
    pub more: bool,
    /// Of public rooms: the name after which it continues.
    pub next: String,
    /// Of the members of a room: their number.
    pub total: usize,
}

impl Store {
    /// Lists the public rooms whose names contain `query`, after the room with the name `after`.
    ///
    /// # Errors
    /// The refusal of the server.
    pub async fn browse_rooms(self, query: String, after: String) -> Result<Page<PublicRoom>, Refusal> {
        let mut page = self.browse_once(query.clone(), after).await?;
        for _ in 1..EMPTY_PAGES {
            if !page.entries.is_empty() || !page.more {
                break;
            }
            page = self.browse_once(query.clone(), page.next).await?;
        }
        Ok(page)
    }

    /// Requests one page, which may have no rooms although there are more.
    async fn browse_once(self, query: String, after: String) -> Result<Page<PublicRoom>, Refusal> {
        let command = Command::BrowseRooms { query, after, count: PAGE_ENTRIES };
        let Reply::Rooms(page) = self.request(command).await? else { return Err(unexpected_reply()) };
        let rooms = page.rooms.into_iter().filter_map(|listed| {
            Some(PublicRoom {
                room: RoomId::from_wire(&listed.room)?,
                name: listed.name.into(),
                topic: listed.topic.into(),
                members: listed.members as usize,
                joined: listed.joined,
                archived: listed.archived,
            })
        });
        Ok(Page { entries: rooms.collect(), more: page.more, next: page.next, total: 0 })
    }

    /// Lists the members of a room whose nicks begin with `prefix`, and invited people, after the nick `after`.
    ///
    /// # Errors
    /// The refusal of the server.
    pub async fn list_members(
        self,
        room: RoomId,
        prefix: String,
        after: String,
    ) -> Result<Page<Contact>, Refusal> {
        self.contacts(Command::ListMembers { room, prefix, after, count: PAGE_ENTRIES }).await
    }

    /// Finds other people whose nicks begin with `prefix`: those who share a room with the user, and those who are online.
    ///
    /// # Errors
    /// The refusal of the server.
    pub async fn find_people(self, prefix: String) -> Result<Page<Contact>, Refusal> {
        let named = self.contacts(Command::FindPeople { prefix: prefix.clone(), count: FOUND_PEOPLE });
        let online = Command::ListMembers {
            room: RoomId::LOBBY,
            prefix,
            after: String::new(),
            // One of them may be the user.
            count: FOUND_PEOPLE + 1,
        };
        let (named, online) = match join(named, self.contacts(online)).await {
            (Err(refusal), Err(_)) => return Err(refusal),
            (named, online) => (named.unwrap_or_default(), online.unwrap_or_default()),
        };
        let me = self.with_state(|state| state.me()).flatten();
        Ok(merged(named, online, me))
    }

    /// Finds the person with a nick, as typed in a command.
    pub(super) async fn person_named(self, nick: &str) -> Result<Contact, Refusal> {
        let nick = nick.trim();
        let found = self.find_people(nick.into()).await?.entries.into_iter();
        // An account may have the name of another one that has not been here for long.
        let named =
            found.filter(|person| is_whole_name(&person.nick, nick)).max_by_key(|person| person.state);
        named.ok_or_else(|| refusal(Status::NoSuchAccount))
    }

    /// Finds the public room with a name, as typed in a command.
    pub(super) async fn public_room_named(self, name: &str) -> Result<PublicRoom, Refusal> {
        let name = name.trim();
        let mut after = String::new();
        for _ in 0..SEARCHED_PAGES {
            let page = self.browse_rooms(name.into(), after).await?;
            after = page.next;
            if let Some(room) = page.entries.into_iter().find(|room| is_whole_name(&room.name, name)) {
                return Ok(room);
            }
            if !page.more {
                break;
            }
        }
        Err(refusal(Status::NoSuchRoom))
    }

    /// Executes a command that is answered with people.
    pub(super) async fn contacts(self, command: Command) -> Result<Page<Contact>, Refusal> {
        let Reply::People(page) = self.request(command).await? else { return Err(unexpected_reply()) };
        let roles = page.roles.into_iter().map(|role| Role::from_wire(role).unwrap_or(Role::None));
        let contacts = page.people.into_iter().zip(roles.chain(std::iter::repeat(Role::None)));
        let contacts = contacts.filter_map(|(person, role)| {
            let state = presence::state_of(person.state());
            Some(Contact {
                account: UserId::from_wire(&person.account)?,
                nick: person.nick.into(),
                state,
                role,
            })
        });
        let (more, total) = (page.more, page.total as usize);
        Ok(Page { entries: contacts.collect(), more, total, ..Page::default() })
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), more: false, next: String::new(), total: 0 }
    }
}

/// A refusal that did not come from the server.
pub(super) fn refusal(status: Status) -> Refusal {
    Refusal { status, text: String::new(), suggestion: None, retry_after: 0 }
}

/// The answer to another command.
fn unexpected_reply() -> Refusal {
    refusal(Status::Internal)
}

/// The people of two lists, each once and in the order of their nicks, without the user.
fn merged(named: Page<Contact>, online: Page<Contact>, me: Option<UserId>) -> Page<Contact> {
    let more = named.more || online.more;
    let mut all = named.entries;
    for person in online.entries {
        match all.iter_mut().find(|known| known.account == person.account) {
            // Online in both, or not named by the other list.
            Some(known) => known.state = known.state.max(person.state),
            None => all.push(person),
        }
    }
    all.retain(|person| Some(person.account) != me);
    for person in &mut all {
        person.role = Role::None;
    }
    all.sort_by(|one, other| compare(&one.nick, &other.nick));
    Page { entries: all, more, ..Page::default() }
}

/// The order of two names without regard to the case of ASCII letters. Unicode's tables are too large for the page.
fn compare(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower)).then_with(|| one.cmp(other))
}

/// Returns `true` if a name that the server has found, because it contains what was typed, is all of that. The server compares
/// names without regard to case and width, which change no lengths but those of a few letters.
fn is_whole_name(found: &str, typed: &str) -> bool {
    found.chars().count() == typed.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(n: u8, nick: &str, state: PresenceState) -> Contact {
        Contact { account: UserId([n; 16]), nick: nick.into(), state, role: Role::Member }
    }

    #[test]
    fn people_of_both_lists_are_listed_once_by_nick_and_without_the_user() {
        use PresenceState::{Left, Online};
        let named =
            Page { entries: vec![contact(1, "ann", Left), contact(2, "Zoe", Left)], ..Page::default() };
        let online = Page {
            entries: vec![contact(3, "Bob", Online), contact(9, "me", Online), contact(2, "Zoe", Online)],
            more: true,
            ..Page::default()
        };
        let found = merged(named, online, Some(UserId([9; 16])));
        let listed: Vec<_> = found.entries.iter().map(|person| (&*person.nick, person.state)).collect();
        assert_eq!(listed, [("ann", Left), ("Bob", Online), ("Zoe", Online)]);
        assert!(found.entries.iter().all(|person| person.role == Role::None));
        assert!(found.more);
    }

    #[test]
    fn longer_names_are_not_the_one_that_was_typed() {
        assert!(is_whole_name("Ann", "ann") && is_whole_name("李丽", "李丽"));
        assert!(!is_whole_name("Anna", "ann"));
    }
}
