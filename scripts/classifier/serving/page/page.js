// Takes photos, asks the server about each and shows its answers.
"use strict";

const AT_ONCE = 3; // requests; more would only wait at the server
const find = (id) => document.getElementById(id);
const mostBytes = Number(document.body.dataset.mostBytes);
const surePercent = document.body.dataset.sure; // empty if this classifier cannot give sure answers
const waiting = [];
let asking = 0;

function take(files) {
  const pictures = [...files];
  if (!pictures.length) return;
  hint("");
  find("found").hidden = false;
  const asked = pictures.map((file) => ({ file, card: makeCard(file) }));
  find("pictures").prepend(...asked.map(({ card }) => card));
  waiting.push(...asked);
  work();
}

function makeCard(file) {
  const card = find("card").content.firstElementChild.cloneNode(true);
  const image = card.querySelector("img");
  const address = URL.createObjectURL(file);
  image.onload = () => URL.revokeObjectURL(address);
  image.onerror = () => {
    URL.revokeObjectURL(address);
    card.classList.add("unseeable");
    explainMissing(card);
  };
  image.src = address;
  card.querySelector(".file").textContent = file.name;
  show(card, "Looking …", "waiting");
  return card;
}

// Fills the place of a preview. The browser may fail to show the photo before or after the answer arrives.
function explainMissing(card) {
  card.querySelector(".photo").textContent =
    card.classList.contains("answered") ? "This browser cannot show this kind of photo" : "No preview";
}

function show(card, words, kind) {
  const answer = card.querySelector(".answer");
  answer.textContent = words;
  answer.className = `answer ${kind}`;
}

function work() {
  while (asking < AT_ONCE && waiting.length) {
    asking += 1;
    const { file, card } = waiting.shift();
    ask(file)
      .then((found) => tell(card, file, found))
      .catch((error) => fail(card, error))
      .finally(() => {
        asking -= 1;
        work();
        if (!asking) watch();
      });
  }
}

// Shows how recent pictures, of everybody, differ from those that the classifier was tested on.
async function watch() {
  let notes;
  try {
    const response = await fetch("/watching");
    if (!response.ok) return;
    ({ notes } = await response.json());
  } catch {
    return; // a server that has gone is told at the next photo
  }
  if (notes.map(({ text }) => text).join("") === find("notes").textContent) return; // or it would be read out again
  find("notes").replaceChildren(...notes.map(({ about, text }) => {
    const note = document.createElement("p");
    note.className = about === "labels" ? "soft" : "note"; // other labels may just be another day
    note.textContent = text;
    return note;
  }));
}

async function ask(file) {
  return (await send(file, surePercent ? `/label?sure=${surePercent}` : "/label")).json();
}

// Errors thrown here are whole sentences for the person at the page.
async function send(file, address) {
  if (file.size > mostBytes) {
    throw new Error(`${file.name} is larger than ${Math.round(mostBytes / 1e6)} MB. Send a smaller photo.`);
  }
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch(address, {
        method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" },
      });
    } catch {
      const readable = await file.slice(0, 1).arrayBuffer().then(() => true, () => false);
      throw new Error(readable
        ? "The server does not answer. Is it still running?"
        : `${file.name} cannot be read. Is it a folder? Choose the photos in it.`);
    }
    if (response.status === 503 && attempt < 5) {
      await new Promise((done) => setTimeout(done, 1000 * attempt));
      continue;
    }
    if (response.ok) return response;
    if (response.status === 401) throw new Error("You are not signed in. Reload this page.");
    const { error } = await response.json();
    if (response.status === 503) throw new Error("The server is busy. Try again in a minute.");
    throw new Error(response.status === 400 ? sentence(file.name, error) : `${file.name}: ${error}`);
  }
}

// Patterns in the server's reasons, and the words for people that replace them.
const REASONS = [
  [/^empty.*/i, "is empty."],
  [/^not an image.*/i, "is not a photo."],
  [/^(an? .*), which Poets does not read(.*)/i, "is $1, which cannot be read here$2."],
  [/.*(truncated|ends too early|cut short).*/i, "is damaged: the file ends too early. Export or send it again."],
  [/^damaged.*/i, "is damaged. Export or send it again."],
];

function sentence(name, reason) {
  const [pattern, words] = REASONS.find(([pattern]) => pattern.test(reason)) ?? [/^/, "cannot be read: "];
  return `${name} ${reason.replace(pattern, words)}`;
}

// Rounding never gives 100 % or 0 %.
function percent(share) {
  const shown = (100 * share).toFixed(1);
  if (share < 1 && shown === "100.0") return ">99.9 %";
  if (share > 0 && shown === "0.0") return "<0.1 %";
  return `${shown} %`;
}

function either(names) {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : names[0];
}

function tell(card, file, found) {
  const [best] = found.labels;
  const called = best.name ?? best.label;
  show(card, found.unknown ? "Unknown" : called, "");
  card.classList.toggle("unknown", Boolean(found.unknown));
  card.querySelector(".nearest").hidden = !found.unknown;
  card.querySelector("img")?.setAttribute("alt", file.name);
  card.classList.add("answered");
  if (card.classList.contains("unseeable")) explainMissing(card);
  if (found.sure) {
    card.querySelector(".sure").textContent =
      `${either(found.sure.names ?? found.sure.labels)} (${found.sure.percent} % sure)`;
  }
  const bars = card.querySelector(".bars");
  for (const { label, name, score } of found.labels) {
    const row = document.createElement("li");
    const called = document.createElement("bdi");
    called.textContent = name ?? label;
    const share = document.createElement("span");
    share.className = "share";
    share.textContent = percent(score);
    const bar = document.createElement("span");
    bar.className = "bar";
    const filled = bar.appendChild(document.createElement("span"));
    filled.style.width = `${100 * score}%`;
    row.append(called, share, bar);
    bars.append(row);
  }
  if (document.body.dataset.explains === "yes") offerWhy(card, file, best);
  const answer = `${called}, ${percent(best.score)}`;
  say(`${file.name}: ${found.unknown ? `unknown; nearest is ${answer}` : answer}`);
}

// The button shows what in the photo spoke for the answer, which it fetches once, or the photo again.
function offerWhy(card, file, best) {
  const button = card.querySelector(".why");
  const because = card.querySelector(".because");
  const called = best.name ?? best.label;
  let heat = null;
  button.hidden = false;
  button.setAttribute("aria-label", `Why ${called}? (${file.name})`);

  function turn(shown) {
    button.setAttribute("aria-pressed", String(shown));
    heat.hidden = !shown;
    because.hidden = !shown;
  }

  button.addEventListener("click", async () => {
    if (heat) {
      turn(heat.hidden);
      return;
    }
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    because.className = "because soft";
    try {
      const drawn = await send(file, `/why?label=${encodeURIComponent(best.label)}`);
      const address = URL.createObjectURL(await drawn.blob());
      heat = document.createElement("img");
      heat.className = "heat";
      heat.alt = `What spoke for ${called}`;
      heat.src = address;
      await heat.decode().finally(() => URL.revokeObjectURL(address));
      card.querySelector(".photo").append(heat);
      because.textContent = `The brighter a place glows, the more it spoke for “${called}”.`;
      turn(true);
      say(`${file.name}: the places that spoke for ${called} are shown`);
    } catch (error) {
      heat = null;
      because.textContent = error.message;
      because.className = "because wrong";
      because.hidden = false;
      say(error.message);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}

function fail(card, error) {
  card.classList.add("failed");
  show(card, error.message, "wrong");
  say(error.message);
}

function say(words) {
  find("said").textContent = words;
}

function hint(words) {
  find("hint").textContent = words;
  find("hint").hidden = !words;
  if (words) say(words);
}

// Phones open their camera app from this file input. Elsewhere the page shows the camera's picture.
async function photograph() {
  const byTouch = matchMedia("(pointer: coarse)").matches;
  if (byTouch || !navigator.mediaDevices) {
    find("shot").click();
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
  } catch {
    hint("There is no camera, or this page may not use it. Choose a photo instead.");
    return;
  }
  const view = find("view");
  view.srcObject = stream;
  await view.play();
  const camera = find("camera");
  camera.onclose = () => stream.getTracks().forEach((track) => track.stop());
  camera.showModal();
}

function shoot() {
  const view = find("view");
  const canvas = document.createElement("canvas");
  canvas.width = view.videoWidth;
  canvas.height = view.videoHeight;
  canvas.getContext("2d").drawImage(view, 0, 0);
  canvas.toBlob((photo) => {
    take([new File([photo], `photo ${new Date().toLocaleTimeString()}.jpg`, { type: "image/jpeg" })]);
    find("camera").close();
  }, "image/jpeg", 0.92);
}

for (const input of [find("files"), find("shot")]) {
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // so that the same photo can be chosen again
  });
}
find("choose").addEventListener("click", () => find("files").click());
find("photograph").addEventListener("click", photograph);
find("shoot").addEventListener("click", shoot);
find("cancel").addEventListener("click", () => find("camera").close());
find("clear").addEventListener("click", () => {
  waiting.length = 0;
  find("pictures").replaceChildren();
  find("found").hidden = true;
  find("choose").focus();
});

// The whole page takes drops: a file dropped beside the frame would replace the page.
addEventListener("dragover", (event) => {
  event.preventDefault();
  find("drop").classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) find("drop").classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  find("drop").classList.remove("over");
  bring(event.dataTransfer);
});
addEventListener("paste", (event) => bring(event.clipboardData));

function bring(carried) {
  if (carried.files.length) take(carried.files);
  else hint("That was not a photo file. Save the photo first, then choose it.");
}

find("sure")?.addEventListener("change", ({ target }) => {
  find("pictures").classList.toggle("show-sure", target.checked);
});

find("host").textContent = location.host;
watch();
