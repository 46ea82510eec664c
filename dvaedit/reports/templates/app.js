"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const { times, edits, faces } = JSON.parse($("data").textContent);
  const canvas = $("canvas"), context = canvas.getContext("2d"), stage = $("stage");
  const split = $("split"), scrub = $("scrub"), clock = $("clock"), play = $("play");
  const videos = all("video.source");
  const last = times.length - 1;
  const state = { edit: 0, mode: "slider", frame: 0, zoom: false };
  const video = () => videos[state.edit];

  // The middle of a frame's time: a seek to its very start may show the one before.
  const length = (i) => (i < last ? times[i + 1] - times[i] : last > 0 ? times[last] - times[last - 1] : 0.04);
  const middle = (i) => times[i] + length(i) / 2;

  function frameAt(time) {
    let low = 0, high = last;
    while (low < high) {
      const half = (low + high + 1) >> 1;
      if (times[half] <= time + 1e-4) low = half; else high = half - 1;
    }
    return low;
  }

  // The part of a picture that is shown: all of it, or a square around the face.
  function part() {
    const { width, height } = edits[state.edit];
    if (!state.zoom) return { x: 0, y: 0, w: width, h: height, wide: width, high: height };
    const [cx, cy] = faces.centres[state.frame], side = faces.side;
    const x = Math.max(0, Math.min(width - side, cx - side / 2));
    const y = Math.max(0, Math.min(height - side, cy - side / 2));
    const shown = Math.round(Math.max(side, Math.min(640, 3 * side)));
    return { x, y, w: side, h: side, wide: shown, high: shown };
  }

  function draw() {
    const { width } = edits[state.edit], film = video();
    const { x, y, w, h, wide, high } = part();
    const whole = state.mode === "side" ? 2 * wide : wide;
    if (canvas.width !== whole || canvas.height !== high) {
      canvas.width = whole;
      canvas.height = high;
      stage.style.setProperty("--ratio", `${whole} / ${high}`);
      stage.style.setProperty("--shape", whole / high);
    }
    if (film.readyState < 2) return;
    const before = (share, left) => context.drawImage(film, x, y, w * share, h, left, 0, wide * share, high);
    const after = (left) => context.drawImage(film, width + x, y, w, h, left, 0, wide, high);
    context.globalCompositeOperation = "source-over";
    if (state.mode === "side") {
      before(1, 0);
      after(wide);
    } else if (state.mode === "difference") {
      before(1, 0);
      context.globalCompositeOperation = "difference";
      after(0);
      context.globalCompositeOperation = "lighter"; // adding the picture to itself doubles it
      for (let gain = Number($("gain").value); gain > 1; gain /= 2) context.drawImage(canvas, 0, 0);
    } else {
      after(0);
      if (split.value > 0) before(Math.round((wide * split.value) / 100) / wide, 0);
    }
    stage.dataset.drawn = String(state.frame);
  }

  function show(frame) {
    state.frame = frame;
    scrub.value = frame;
    const words = `frame ${frame} of ${last}, ${times[frame].toFixed(2)} s`;
    scrub.setAttribute("aria-valuetext", words);
    clock.textContent = `${frame} · ${times[frame].toFixed(2)} s`;
    const share = last > 0 ? times[frame] / times[last] : 0;
    for (const cursor of all(".cursor")) {
      const x = 46 + share * (560 - 46 - 10);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
    }
  }

  function seek(frame) {
    frame = Math.max(0, Math.min(last, frame));
    show(frame);
    video().currentTime = middle(frame);
  }

  function step(by) {
    video().pause();
    seek(state.frame + by);
  }

  function follow(film) {
    const arrived = (time) => {
      if (film !== video()) return;
      show(frameAt(time));
      draw();
    };
    if ("requestVideoFrameCallback" in HTMLVideoElement.prototype) {
      const each = (_, data) => {
        if (!film.seeking) arrived(data.mediaTime + 1e-3);
        film.requestVideoFrameCallback(each);
      };
      film.requestVideoFrameCallback(each);
    } else {
      const each = () => {
        if (!film.paused) arrived(film.currentTime);
        requestAnimationFrame(each);
      };
      requestAnimationFrame(each);
    }
    film.addEventListener("seeked", () => { if (film === video()) draw(); });
    film.addEventListener("loadeddata", () => { if (film === video()) draw(); });
    for (const event of ["play", "pause"]) film.addEventListener(event, () => { if (film === video()) label(); });
    film.addEventListener("error", () => {
      const trouble = $("trouble");
      trouble.textContent = "This browser cannot play the video in this page (H.264 in MP4). Numbers and key frames are below.";
      trouble.hidden = false;
    });
  }

  function label() {
    const playing = !video().paused;
    play.classList.toggle("playing", playing);
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  function toggle() {
    if (!video().paused) { video().pause(); return; }
    video().playbackRate = Number($("speed").value);
    video().play().catch(() => label());
  }

  function divide() {
    $("handle").style.left = `${split.value}%`;
    split.setAttribute("aria-valuetext", `${split.value} % original, ${100 - split.value} % edit`);
    stage.style.setProperty("--split", split.value);
    draw();
  }

  function choose(number) {
    const playing = !video().paused;
    video().pause();
    state.edit = number;
    for (const part of all("[data-edit]:not(video)")) part.hidden = Number(part.dataset.edit) !== number;
    seek(state.frame);
    draw();
    if (playing) toggle(); else label();
  }

  function view(mode) {
    state.mode = mode;
    stage.dataset.mode = mode;
    $("gain-label").hidden = mode !== "difference";
    split.disabled = mode !== "slider";
    draw();
  }

  videos.forEach(follow);
  split.addEventListener("input", divide);
  scrub.addEventListener("input", () => { video().pause(); seek(Number(scrub.value)); });
  play.addEventListener("click", toggle);
  $("back").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("gain").addEventListener("change", draw);
  if (faces) $("zoom").addEventListener("change", () => { state.zoom = $("zoom").checked; draw(); });
  $("speed").addEventListener("change", () => { video().playbackRate = Number($("speed").value); });
  for (const input of all("input[name=mode]")) input.addEventListener("change", () => view(input.value));
  for (const input of all("input[name=edit]")) input.addEventListener("change", () => choose(Number(input.value)));
  for (const key of all(".key")) {
    key.addEventListener("click", () => {
      video().pause();
      seek(Number(key.dataset.frame));
      stage.scrollIntoView({ block: "nearest" });
    });
  }
  for (const graph of all(".plot svg")) {
    graph.addEventListener("click", (event) => {
      const box = graph.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * 560;
      const share = Math.max(0, Math.min(1, (x - 46) / (560 - 46 - 10)));
      video().pause();
      seek(frameAt(share * times[last]));
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const kind = event.target.type || event.target.tagName;
    if (event.key === " " && !/^(button|radio|checkbox|select-one|SUMMARY)$/.test(kind)) toggle();
    else if (event.key === ",") step(-1);
    else if (event.key === ".") step(1);
    else return;
    event.preventDefault();
  });
  view("slider");
  show(0);
  divide();
  label();
})();
