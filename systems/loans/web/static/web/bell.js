// The live bell. The server tells the count of unread notifications over a WebSocket; a count is always the whole count,
// so nothing is added up here. The token for the socket is short-lived: before it ends, a new socket takes over.

const FIRST_WAIT = 1_000; // milliseconds; doubled after each failure
const LONGEST_WAIT = 30_000;
const RENEW_AT = 0.8; // of the token's life
const SAID_NO = [401, 403];

const bell = document.querySelector("#bell");
let socket = null; // the one that is listened to
let failures = 0;
let timer = null;

function later(milliseconds, action) {
  clearTimeout(timer);
  timer = setTimeout(action, milliseconds);
}

function show(count) {
  const badge = bell.querySelector(".bell-count");
  const shown = badge.querySelector("[data-count]");
  if (shown.textContent === String(count)) return;
  shown.textContent = count;
  badge.hidden = count === 0;
  say(count === 0 ? "No unread notifications" : `${count} unread notification${count === 1 ? "" : "s"}`);
}

function say(text) {
  document.querySelector("#bell-says").textContent = text;
}

// Parts of the page that show the same things renew themselves when they hear this.
function tellPage() {
  document.body.dispatchEvent(new CustomEvent("news"));
}

function understand(text) {
  const message = JSON.parse(text);
  if (message.type === "unread_count") {
    show(message.count);
  } else if (message.type === "notification") {
    tellPage();
  }
}

async function token() {
  const answer = await fetch(bell.dataset.token, { credentials: "same-origin", cache: "no-store" });
  if (SAID_NO.includes(answer.status)) return null; // logged out: it makes no sense to ask again
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  return answer.json();
}

function tryAgain() {
  if (socket === null) bell.dataset.state = "offline";
  const wait = Math.min(FIRST_WAIT * 2 ** failures, LONGEST_WAIT);
  failures += 1;
  later(wait * (0.5 + Math.random() / 2), connect); // not all at once after the server was away
}

async function connect() {
  let key;
  try {
    key = await token();
  } catch {
    return tryAgain();
  }
  if (key === null) {
    bell.dataset.state = "offline";
    return;
  }
  open(key);
}

function open(key) {
  const address = new URL(bell.dataset.socket, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const next = new WebSocket(address, ["access_token", key.token]);
  let opened = false;
  next.addEventListener("open", () => {
    opened = true;
    const before = socket;
    socket = next;
    before?.close(1000);
    if (failures > 0) tellPage(); // something may have been missed
    failures = 0;
    bell.dataset.state = "online";
    later(key.expires_in * 1000 * RENEW_AT, connect);
  });
  next.addEventListener("message", (event) => next === socket && understand(event.data));
  next.addEventListener("close", () => {
    if (opened && next !== socket) return; // another took over
    if (next === socket) socket = null;
    tryAgain();
  });
}

function comeBack() {
  if (document.visibilityState !== "visible" || socket !== null) return;
  failures = 0;
  later(0, connect);
}

if (bell) {
  // The list tells the count when something in it was marked as read.
  document.body.addEventListener("unread", (event) => show(event.detail.count));
  addEventListener("online", comeBack);
  document.addEventListener("visibilitychange", comeBack);
  connect();
}
