// The player of an asset: seeks on click, tracks, the current sentence, captions of audio, and boxes in the picture.

const SVG = "http://www.w3.org/2000/svg";
const BOX_SECONDS = 0.7; // a box of a video counts until the next sample
const KEY_SECONDS = 1;

const player = document.querySelector("[data-player]");
const media = player?.querySelector("video, audio");
const picture = player?.querySelector("img");
const tracks = player?.querySelector(".tracks");
const overlay = player?.querySelector(".boxes");
const showsBoxes = player?.querySelector("[data-boxes]");
let boxes = [];

const clock = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

function shape(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

function seek(seconds) {
  if (!media || Number.isNaN(seconds)) return;
  media.currentTime = Math.max(0, Math.min(seconds, media.duration || seconds));
  update();
}

function sizeTracks() {
  const seconds = Math.max(media.duration || 0, Number(tracks.dataset.seconds), 0.1);
  tracks.setAttribute("aria-valuemax", seconds.toFixed(1));
  tracks.querySelector("[data-duration]").textContent = clock(seconds);
  for (const track of tracks.querySelectorAll("svg")) {
    track.setAttribute("viewBox", `0 0 ${seconds} 1`);
    if (!track.querySelector(".playhead")) track.append(shape("line", { class: "playhead", y1: 0, y2: 1, x1: 0, x2: 0 }));
  }
}

function update() {
  const now = media.currentTime;
  for (const line of player.querySelectorAll(".playhead")) {
    line.setAttribute("x1", now);
    line.setAttribute("x2", now);
  }
  tracks?.setAttribute("aria-valuenow", now.toFixed(1));
  tracks?.setAttribute("aria-valuetext", clock(now));
  for (const row of document.querySelectorAll(".transcript a[data-seek]")) {
    const isNow = row.dataset.seek !== "" && now >= Number(row.dataset.seek) && now <= Number(row.dataset.end);
    if (isNow) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  drawBoxes();
}

function currentBoxes() {
  if (!media) return boxes;
  const before = boxes.filter((box) => box.seconds <= media.currentTime + 0.05);
  const newest = Math.max(...before.map((box) => box.seconds));
  return media.currentTime - newest > BOX_SECONDS ? [] : before.filter((box) => box.seconds === newest);
}

function drawBoxes() {
  if (!overlay) return;
  const width = media ? media.videoWidth : picture.naturalWidth;
  const height = media ? media.videoHeight : picture.naturalHeight;
  overlay.replaceChildren();
  if (!width || !height || !showsBoxes?.checked) return;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const scale = overlay.getScreenCTM()?.a || 1;
  const lines = new Map();
  for (const box of currentBoxes()) {
    const [x, y] = [box.left * width, box.top * height];
    overlay.append(shape("rect", { class: `box--${box.kind}`, x, y, width: box.width * width, height: box.height * height }));
    const label = box.confidence === null ? box.text : `${box.text} ${Math.round(box.confidence)} %`;
    const place = `${x.toFixed()} ${y.toFixed()}`;
    const line = (lines.get(place) ?? 0) + 1; // boxes of one place have their texts below each other
    lines.set(place, line);
    overlay.append(shape("text", { x: x + 4 / scale, y: y + (15 * line) / scale, "font-size": 12 / scale }, label));
  }
}

function drawShots(shots) {
  const track = player.querySelector("[data-shots]");
  if (!track) return;
  for (const shot of shots) {
    const bar = shape("rect", { x: shot.start, y: 0.12, width: Math.max(shot.end - shot.start - 0.05, 0.05), height: 0.76 });
    bar.append(shape("title", {}, `${shot.kind} at ${clock(shot.start)}`));
    track.prepend(bar);
  }
}

function onTrackClick(event) {
  const track = event.target.closest("svg");
  if (!track) return;
  const area = track.getBoundingClientRect();
  seek(((event.clientX - area.left) / area.width) * track.viewBox.baseVal.width);
}

function onTrackKey(event) {
  const steps = { ArrowLeft: -KEY_SECONDS, ArrowDown: -KEY_SECONDS, ArrowRight: KEY_SECONDS, ArrowUp: KEY_SECONDS };
  if (event.key === "Home") seek(0);
  else if (event.key === "End") seek(media.duration);
  else if (event.key in steps) seek(media.currentTime + steps[event.key]);
  else return;
  event.preventDefault();
}

function followCaptions() {
  const line = player.querySelector(".captions");
  const captions = media.textTracks[0];
  if (!line || !captions) return;
  captions.mode = "hidden";
  captions.addEventListener("cuechange", () => {
    line.textContent = [...captions.activeCues].map((cue) => cue.getCueAsHTML().textContent).join(" ");
  });
}

if (media) {
  media.addEventListener("timeupdate", update);
  media.addEventListener("seeked", update);
  media.addEventListener("loadedmetadata", () => {
    if (tracks) sizeTracks();
    update();
  });
  document.addEventListener("click", (event) => {
    const target = event.target.closest("a[data-seek]");
    if (!target || target.dataset.seek === "" || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", target.href);
    seek(Number(target.dataset.seek));
    player.scrollIntoView({ block: "nearest" });
  });
  tracks?.addEventListener("click", onTrackClick);
  tracks?.addEventListener("keydown", onTrackKey);
  if (tracks && media.readyState >= 1) sizeTracks();
  followCaptions();
  if (player.dataset.start) seek(Number(player.dataset.start));
}
picture?.addEventListener("load", drawBoxes);
showsBoxes?.addEventListener("change", drawBoxes);
window.addEventListener("resize", drawBoxes);
if (player?.dataset.seen) {
  fetch(player.dataset.seen)
    .then((answer) => (answer.ok ? answer.json() : { boxes: [], shots: [] }))
    .then((seen) => {
      boxes = seen.boxes;
      drawShots(seen.shots);
      if (tracks && media.readyState >= 1) sizeTracks();
      drawBoxes();
    });
}
