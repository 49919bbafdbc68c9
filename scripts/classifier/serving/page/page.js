// Takes pictures, however they come, asks the server about each and shows what it says.
"use strict";

const AT_ONCE = 3; // requests: more would only wait at the server
const find = (id) => document.getElementById(id);
const mostBytes = Number(document.body.dataset.mostBytes);
const waiting = [];
let asking = 0;

function take(files) {
  const pictures = [...files];
  if (!pictures.length) return;
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
    image.replaceWith("This browser cannot show it");
  };
  image.src = address;
  card.querySelector(".file").textContent = file.name;
  show(card, "Looking …", "waiting");
  return card;
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
      .catch((error) => fail(card, file, error))
      .finally(() => {
        asking -= 1;
        work();
      });
  }
}

async function ask(file) {
  if (file.size > mostBytes) throw new Error(`more than ${Math.round(mostBytes / 1e6)} MB: send a smaller picture`);
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await fetch("/label", {
        method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" },
      });
    } catch {
      throw new Error("the server does not answer: is it still running?");
    }
    if (response.status === 503 && attempt < 5) {
      await new Promise((done) => setTimeout(done, 1000 * attempt));
      continue;
    }
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }
}

function percent(share) {
  const shown = (100 * share).toFixed(1);
  return `${share < 1 && shown === "100.0" ? "> 99.9" : shown} %`;
}

function tell(card, file, found) {
  const [best] = found.labels;
  const words = found.unknown ? "Something it does not know" : best.name ?? best.label;
  show(card, words, "");
  card.querySelector("img")?.setAttribute("alt", file.name);
  const bars = card.querySelector(".bars");
  if (found.unknown) show(card, `${words}; of what it knows, nearest to:`, "");
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
  say(`${file.name}: ${words}, ${percent(best.score)}`);
}

function fail(card, file, error) {
  show(card, error.message, "wrong");
  say(`${file.name}: ${error.message}`);
}

function say(words) {
  find("said").textContent = words;
}

// Phones have a camera behind the file dialogue; elsewhere the browser shows what its camera sees.
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
    say("There is no camera that may be used");
    find("photograph").textContent = "No camera that may be used";
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
    input.value = ""; // so that the same picture can be chosen again
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

// Anywhere on the page: what misses the frame would otherwise leave the page.
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
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => take(event.clipboardData.files));
