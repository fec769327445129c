// The browser's camera in short clips, one file each: MediaRecorder is begun anew, because later pieces of a recording
// cannot be read without its beginning.

const KINDS = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
const SAID = {
  NotAllowedError: "The browser may not use the camera; allow it beside the address of this page.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is in use by another program.",
};

export async function cameras() {
  const found = await navigator.mediaDevices?.enumerateDevices() ?? [];
  return found.filter((one) => one.kind === "videoinput");
}

// Films until `stop` of the answer is called; `take` gets each clip with the second at which it began.
export async function film({ device, length_s, view, take, ended }) {
  if (!navigator.mediaDevices) throw new Error("Browsers give their camera only to a page of this machine, or over TLS.");
  const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one));
  if (!kind) throw new Error("This browser cannot record video; record a file and drop it.");
  const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 20, max: 30 } };
  if (device) wanted.deviceId = { exact: device };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false })
    .catch((error) => { throw new Error(SAID[error.name] ?? error.message); });
  let on = true, recorder = null, timer = 0;
  const finish = () => {
    if (!on) return;
    on = false;
    clearTimeout(timer);
    if (recorder?.state === "recording") recorder.stop();
    for (const track of stream.getTracks()) track.stop();
    view.srcObject = null;
    ended();
  };
  const clip = () => {
    const parts = [], begun = Date.now();
    recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 4e6 });
    recorder.ondataavailable = (event) => { if (event.data.size) parts.push(event.data); };
    recorder.onstop = () => {
      if (on) clip();
      if (parts.length) take(new Blob(parts, { type: kind }), begun);
    };
    recorder.start();
    timer = setTimeout(() => recorder.state === "recording" && recorder.stop(), 1000 * length_s);
  };
  stream.getVideoTracks()[0].addEventListener("ended", finish);  // unplugged
  try {
    view.srcObject = stream;
    await view.play();
    clip();
  } catch (error) {
    finish();
    throw error;
  }
  return finish;
}
