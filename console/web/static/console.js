// Times in the viewer's zone, keys, and forms that submit as one types. Pages work without it.

const pad = (number) => String(number).padStart(2, "0");

function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const date = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
    const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
    element.title = `${element.dateTime} (${element.textContent})`;
    element.textContent = `${date} ${time}`;
    element.dataset.local = "";
  }
}

const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

function focusRow(step) {
  const rows = [...document.querySelectorAll("main .result-name, main tbody tr > :first-child a")];
  const row = rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(document.activeElement) + step))];
  row?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

let goes = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (goes && event.key >= "1" && event.key <= "9") {
    document.querySelectorAll(".menu a")[Number(event.key) - 1]?.click();
  } else if (event.key === "/") {
    const search = document.querySelector("main input[type=search]");
    if (!search) return;
    search.focus();
    search.select();
  } else if (event.key === "j" || event.key === "k") {
    focusRow(event.key === "j" ? 1 : -1);
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else {
    goes = event.key === "g";
    return;
  }
  goes = false;
  event.preventDefault();
});

document.querySelector(".menu [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
localise(document);
document.addEventListener("htmx:load", (event) => localise(event.detail.elt.parentElement ?? document));
