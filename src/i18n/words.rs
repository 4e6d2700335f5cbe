//! All that the page says, by name, in English. Other languages are files of their own, and say the same by the same
//! names.
//!
//! `#` stands for the number or the name in a text; a text with a number has a form for one and, after `|`, another for
//! every other number, where the language has two.

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// Something that the page says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word {
            $($(#[$doc])* $name,)*
        }

        /// The names, in order.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name),)*];

        /// The words in English, in the same order.
        pub(super) const ENGLISH: [&str; NAMES.len()] = [$($text,)*];
    };
}

words! {
    // Settings.
    /// The settings' heading.
    Settings: "Settings",
    /// The language menu.
    Language: "Language",
    /// The menu of light and dark.
    Theme: "Appearance",
    /// As the system has it.
    ThemeSystem: "System",
    /// Always light.
    ThemeLight: "Light",
    /// Always dark.
    ThemeDark: "Dark",

    // Login.
    /// Under the title.
    Tagline: "Come in, take a seat, say hello.",
    /// The field for the name.
    Nick: "Your name",
    /// What it is for.
    NickHint: "Everyone in the room sees it.",
    /// The part with the address.
    Server: "Server",
    /// How to write one.
    ServerHint: "host:port, or a full wss:// address",
    /// The button.
    LogIn: "Log in",
    /// The button while it is under way.
    LoggingIn: "Logging in…",
    /// Stop trying.
    Cancel: "Cancel",
    /// Log in under a name that would be accepted: `#`.
    LogInAs: "Log in as “#”",

    // The room.
    /// The button that leaves.
    Exit: "Leave",
    /// The timeline, to a screen reader.
    Timeline: "Messages",
    /// Nothing has been said: the heading.
    EmptyTitle: "It’s quiet in here",
    /// And what to do about it.
    EmptyText: "Say hello. Everyone in the room will see it.",
    /// Rows were let go of.
    Dropped: "Older messages are no longer shown here.",
    /// Back to the end.
    ToLatest: "To the latest",
    /// The same, with the number of new messages.
    NewMessages: "# new message|# new messages",
    /// The day of a row: today.
    Today: "Today",
    /// The day before.
    Yesterday: "Yesterday",
    /// Something is missing in the middle.
    Gap: "Some messages are missing here.",
    /// There is more before the first message.
    Older: "There are older messages.",
    /// Nothing is before the first message.
    Beginning: "The messages in this room begin here.",
    /// Fills the gap.
    Load: "Load them",
    /// It is being filled.
    Loading: "Loading…",

    // A message.
    /// It waits to be sent.
    Queued: "Waiting to be sent",
    /// On its way.
    Pending: "Sending…",
    /// It was not accepted; the reason follows.
    NotSent: "Not sent.",
    /// Send it again.
    Retry: "Try again",
    /// Put its text back to where one writes.
    Edit: "Edit",
    /// Let go of it.
    Discard: "Discard",

    // Lines of the program.
    /// Between two names.
    Between: ", ",
    /// Before the last name of several.
    BeforeLast: " and ",
    /// Behind some names: so many others.
    AndOthers: " and # other| and # others",
    /// Behind the names of those who came.
    Joined: " joined",
    /// Behind the names of those who went.
    Left: " left",
    /// Behind the number of those who came.
    ManyJoined: " joined",
    /// Behind the number of those who went.
    ManyLeft: " left",
    /// Nobody is there.
    WhoNobody: "Nobody is here.",
    /// Before the names of those who are there: so many.
    Who: "One person is here: |# people are here: ",
    /// Behind them: so many more.
    WhoMore: " and # more",
    /// The heading of the commands.
    Help: "What you can type",
    /// What `/who` does.
    CommandWho: "shows who is here",
    /// What `/exit` does.
    CommandExit: "leaves the room",
    /// What `/help` does.
    CommandHelp: "shows this",
    /// What Enter does.
    KeyEnter: "sends the message",
    /// What Shift+Enter does.
    KeyShiftEnter: "starts a new line",
    /// Something may be missing here.
    Missed: "The connection was gone for a while. Messages from that time may be missing here.",
    /// This device keeps nothing.
    NothingKept: "This browser doesn’t let the page keep anything. A message that is still waiting to be sent is lost if you close the page.",
    /// Something came that could not be read.
    Unreadable: "The server sent something this page can’t read. It was left out.",

    // The composer.
    /// The text field.
    Message: "Write a message",
    /// What its keys do.
    MessageKeys: "Enter sends, Shift+Enter starts a new line.",
    /// The button.
    Send: "Send",
    /// Too long by so many bytes.
    TooLong: "Too long by # byte. Shorten it, or send it in parts.|Too long by # bytes. Shorten it, or send it in parts.",
    /// The server takes no more for so many seconds: this is its rate limit.
    WaitLimit: "You are ahead of the server’s limit. Sending goes on in # second.|You are ahead of the server’s limit. Sending goes on in # seconds.",
    /// The same: it can’t store anything.
    WaitLog: "The server can't store messages at the moment. Sending goes on in # second.|The server can't store messages at the moment. Sending goes on in # seconds.",
    /// Written while there is no connection, which will come back by itself.
    SentLater: "No connection. What you send now waits here and goes out when it is back.",
    /// Written while there is no connection, which will not.
    SentNever: "Not connected, so nothing goes out. Connect again at the top of the page.",

    // The roster.
    /// The heading.
    People: "People",
    /// How many are there.
    PeopleCount: "# person|# people",
    /// Opens the list.
    PeopleShow: "Show people",
    /// Closes it.
    PeopleHide: "Close",
    /// The field that filters.
    PeopleFilter: "Find someone",
    /// The filter lets nobody through.
    PeopleNone: "Nobody here by that name.",
    /// So many more than are listed.
    PeopleMore: "and # more",
    /// Marks oneself.
    You: "you",
    /// Marks who is not at the screen.
    Away: "away",

    // Search.
    /// The button, the panel, and its results.
    Search: "Search",
    /// The field for words.
    SearchWords: "Search messages",
    /// What can be found.
    SearchHint: "Words are found from their first letters on; several must all be in one message.",
    /// It is under way.
    Searching: "Searching…",
    /// There is nothing.
    SearchNone: "Nothing found.",
    /// So many, and no more.
    Found: "# message found|# messages found",
    /// So many, and there are more.
    FoundMore: "The latest # of more|The latest # of more",
    /// Shows those before them.
    SearchMore: "Show older ones",
    /// The field for a day.
    GoToDate: "Go to date",
    /// A place can't be had now.
    SeekFailed: "That part of the room can’t be loaded now.",

    // The connection.
    /// The bar, to a screen reader.
    Connection: "Connection",
    /// Talking.
    Online: "Connected",
    /// Not talking, and not trying.
    Idle: "Not connected",
    /// The first attempt.
    Connecting: "Connecting…",
    /// Another attempt is under way.
    Reconnecting: "Trying again…",
    /// The next one is in so many seconds.
    RetryIn: "Trying again in # second.|Trying again in # seconds.",
    /// Not waiting for it.
    RetryNow: "Retry now",
    /// Not connected yet; what is shown comes from this device.
    FromDevice: "Offline: showing what this device has kept.",
    /// Trying again what ended for good.
    ConnectAgain: "Connect again",
    /// Taking the session back from another window.
    UseHere: "Use it here",
    /// Loading the page again.
    Reload: "Reload the page",
    /// The time of a ping, to a screen reader.
    RoundTrip: "Round trip # millisecond|Round trip # milliseconds",
    /// The server speaks the basic dialect: in two words.
    Basic: "Basic server",
    /// What that means.
    BasicLead: "This is a basic server. You can talk, but some things are missing:",
    /// What it can’t do: confirm.
    BasicNoAcks: "It does not confirm messages: one sent as the connection breaks may be lost.",
    /// Carry long messages.
    BasicShort: "A message can’t be longer than about 500 bytes.",
    /// Keep what is said.
    BasicNoHistory: "What is said while you are away is not kept for you.",
    /// Tell people apart.
    BasicSameName: "Two people can go by the same name.",
    /// Puts the explanation away.
    Understood: "Got it",

    // The end.
    /// The program has crashed: the heading.
    CrashTitle: "Something went wrong",
    /// And what to do.
    CrashText: "The page has stopped working. Reload it to go on.",
}
