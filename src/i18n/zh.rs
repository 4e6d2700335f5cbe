//! Simplified Chinese. One form for every number; a space stands between numbers or Latin letters and characters.

use std::sync::Arc;

use parlour_core::status::Status;

use super::{
    Part, Texts, grouped,
    phrase::{names, shown},
};

fn moved(all: &[Arc<str>], total: usize, joined: bool) -> Vec<Part> {
    let shown = shown(all, total);
    let mut parts = names(shown, "、", "、");
    if shown.is_empty() {
        parts.push(format!("{} 人", grouped(total)).into());
    } else if shown.len() < total {
        parts.push(format!(" 等 {} 人", grouped(total)).into());
    } else {
        parts.push(" ".into());
    }
    parts.push(if joined { "加入了房间" } else { "离开了房间" }.into());
    parts
}

fn who(all: &[Arc<str>], more: usize) -> Vec<Part> {
    let total = all.len() + more;
    if total == 0 {
        return vec!["房间里没有人。".into()];
    }
    let mut parts = vec![format!("房间里有 {} 人：", grouped(total)).into()];
    parts.extend(names(all, "、", "、"));
    if more > 0 {
        parts.push(format!("，另有 {} 人", grouped(more)).into());
    }
    parts
}

/// No wildcard here: a status without words does not compile.
fn status(status: Status) -> &'static str {
    match status {
        Status::NotConnected => "尚未连接，请等待连接恢复。",
        Status::AlreadyConnected => "已经连接了。",
        Status::BadParameters => "请求有误，请检查后重试。",
        Status::SignedIn => "你已经登录了。",
        Status::BadAddress => "服务器地址不正确，请填写“主机:端口”或 wss:// 开头的地址。",
        Status::NoAnswer => "服务器没有响应。",
        Status::ConnectionLost => "与服务器的连接已断开。",
        Status::InsecureAddress => "当前页面是加密的，服务器也须加密，请使用 wss:// 开头的地址。",
        Status::Offline => "设备没有联网。",
        Status::Unconfirmed => "连接中断，不确定是否已送达，重发前请先确认一下。",
        Status::UnknownCommand => "没有这个命令，输入 /help 查看所有命令。",
        Status::NotOnThisServer => "这台服务器不支持此功能。",

        Status::Normal => "连接已关闭。",
        Status::GoingAway => "服务器正在关闭。",
        Status::ProtocolError => "连接违反了 WebSocket 协议，已关闭。",
        Status::UnsupportedData => "服务器不接受这类数据。",
        Status::NoStatus => "服务器关闭了连接，没有说明原因。",
        Status::Abnormal => "连接中断了。",
        Status::InvalidText => "连接中断，可能是服务器发来了浏览器无法接受的文本。",
        Status::Policy => "服务器拒绝了连接。",
        Status::MessageTooBig => "有消息太大，服务器关闭了连接。",
        Status::ServerError => "服务器出错了。",
        Status::ServiceRestart => "服务器正在重启。",
        Status::TryAgainLater => "服务器繁忙，请稍后再试。",

        Status::NickEmpty => "请输入名字。",
        Status::NickTooLong => "名字太长了。",
        Status::NickForbidden => "名字里有看不见或容易混淆的字符，请换用普通文字。",
        Status::NickTaken => "这个名字已被使用，请换一个。",
        Status::NickConfusable => "这个名字与别人的太像了，请换一个。",
        Status::ContentEmpty => "没有可发送的内容。",
        Status::ContentTooLong => "消息太长，请缩短或分几条发送。",
        Status::BadMessageId => "消息编号无效。",
        Status::MessageIdReused => "消息编号已被另一条消息使用。",
        Status::NotLoggedIn => "请先登录。",
        Status::AlreadyLoggedIn => "此连接已经登录。",
        Status::BadFrame => "服务器无法识别收到的数据。",
        Status::FrameTooLarge => "一次发送的数据超过了服务器的上限。",
        Status::Unsupported => "这台服务器不支持此功能。",
        Status::VersionUnsupported => "页面与服务器的版本不兼容，请刷新页面。",
        Status::Replaced => "你已在另一个窗口中继续使用。",
        Status::NoSuchRoom => "没有这个房间。",
        Status::LoginRefused => "名字或密码不正确。",

        Status::ShuttingDown => "服务器正在重启。",
        Status::TooSlow => "网络太慢，跟不上消息。",
        Status::RateLimited => "发送太快了，请稍等片刻。",
        Status::TimedOut => "服务器长时间没有收到这台设备的数据。",
        Status::ServerFull => "服务器人数已满。",
        Status::TooManyConnections => "来自你所在网络的连接太多了。",
        Status::Internal => "服务器出错了。",
        Status::LogUnavailable => "服务器暂时无法保存消息。",
        Status::Busy => "同时进入的人太多，页面会自动重试。",
        Status::Overtaken => "这次登录来得太迟，页面会自动重试。",
        Status::LoginTimeout => "登录超时。",
        Status::Other(_) => "连接因未知原因断开了。",
    }
}

pub(super) const TEXTS: Texts = Texts {
    name: "简体中文",
    status,

    settings: "设置",
    language: "语言",
    theme: "外观",
    theme_system: "跟随系统",
    theme_light: "浅色",
    theme_dark: "深色",

    tagline: "进来坐坐，聊聊天。",
    nick: "你的名字",
    nick_hint: "房间里的人都会看到。",
    server: "服务器",
    server_hint: "主机:端口，或完整的 wss:// 地址",
    log_in: "登录",
    logging_in: "正在登录…",
    cancel: "取消",
    log_in_as: |nick| format!("以“{nick}”登录"),

    exit: "离开",
    timeline: "消息",
    empty_title: "这里还很安静",
    empty_text: "打个招呼吧，房间里的人都能看到。",
    dropped: "更早的消息不再显示。",
    jump: |n| match n {
        0 => "回到最新".into(),
        n => format!("{} 条新消息", grouped(n as usize)),
    },
    today: "今天",
    yesterday: "昨天",

    gap: "这里缺少一些消息。",
    older: "还有更早的消息。",
    beginning: "房间里的消息从这里开始。",
    load: "加载",
    loading: "正在加载…",

    queued: "等待发送",
    pending: "发送中…",
    not_sent: "未发送。",
    retry: "重试",
    edit: "编辑",
    discard: "丢弃",

    moved,
    who,
    help: "可以输入的内容",
    commands: &[
        ("/who", "查看房间里有谁"),
        ("/exit", "离开房间"),
        ("/help", "显示这份说明"),
        ("Enter", "发送消息"),
        ("Shift+Enter", "换行"),
    ],
    missed: "连接曾中断过一段时间，期间的消息可能没有显示。",
    nothing_kept: "浏览器不允许此页面保存数据，关闭页面后，尚未发出的消息会丢失。",
    unreadable: "服务器发来了无法识别的内容，已略过。",

    message: "写点什么",
    message_keys: "Enter 发送，Shift+Enter 换行。",
    send: "发送",
    too_long: |bytes| format!("超出 {} 字节，请缩短或分几条发送。", grouped(bytes)),
    wait: |status, s| {
        let why = if status == Status::LogUnavailable {
            "服务器暂时无法保存消息"
        } else {
            "发送太快了"
        };
        format!("{why}，{s} 秒后继续发送。")
    },
    sent_later: "连接已断开。现在发送的消息会先留着，恢复后自动送出。",
    sent_never: "尚未连接，消息无法送出。请在页面顶部重新连接。",

    people: "成员",
    people_count: |n| format!("{} 人", grouped(n)),
    people_show: "查看成员",
    people_hide: "关闭",
    people_filter: "查找成员",
    people_none: "没有找到这个人。",
    people_more: |n| format!("另有 {} 人", grouped(n)),
    you: "我",
    away: "暂离",

    connection: "连接",
    online: "已连接",
    idle: "未连接",
    connecting: "正在连接…",
    reconnecting: "正在重试…",
    retry_in: |s| format!("{s} 秒后重试。"),
    retry_now: "立即重试",
    from_device: "离线：显示的是本机保存的内容。",
    connect_again: "重新连接",
    use_here: "在此使用",
    reload: "刷新页面",
    round_trip: |ms| format!("往返 {} 毫秒", grouped(ms as usize)),
    basic: "基础服务器",
    basic_lead: "这是一台基础服务器，可以聊天，但有些功能没有：",
    basic_missing: &[
        "消息没有送达确认，断线时发出的消息可能丢失。",
        "每条消息不能超过约 500 字节（约 160 个汉字）。",
        "你不在时的消息不会保留。",
        "不同的人可能使用同一个名字。",
    ],
    understood: "知道了",

    crash_title: "出错了",
    crash_text: "页面已停止运行，请刷新后继续。",
};
