/** A short tone for each level, computed: no file. */
import type { Level } from "@/lib/connection";

/** The pitches one after the other, in hertz: up for what is well, twice for a warning, down for what failed. */
const PITCHES: Record<Level, readonly number[]> = { info: [660], success: [660, 880], warning: [880, 880], error: [440, 330] };
const LENGTH = 0.14;
const LOUDNESS = 0.15;
/** A soft beginning and end: without, each tone clicks. */
const RAMP = 0.02;

let audio: AudioContext | null = null;
let silentFrom = 0;

/** Plays a level's tone, unless one is still heard. Only on a page that somebody has touched. */
export function play(level: Level): void {
  const on = awake();
  if (on.currentTime < silentFrom) return;
  const pitches = PITCHES[level] ?? PITCHES.info;
  silentFrom = on.currentTime + pitches.length * LENGTH;
  pitches.forEach((pitch, index) => { sound(on, pitch, on.currentTime + index * LENGTH); });
}

function awake(): AudioContext {
  audio ??= new AudioContext();
  void audio.resume();
  return audio;
}

/** It rests between tones, for the battery's sake. */
function rest(): void {
  if (audio && audio.currentTime >= silentFrom) void audio.suspend();
}

// Some browsers let a page sound only if that began with a click.
addEventListener("click", () => void awake().suspend(), { once: true });

function sound(on: AudioContext, pitch: number, from: number): void {
  const to = from + LENGTH;
  const [tone, volume] = [on.createOscillator(), on.createGain()];
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0, from);
  volume.gain.linearRampToValueAtTime(LOUDNESS, from + RAMP);
  volume.gain.setValueAtTime(LOUDNESS, to - RAMP);
  volume.gain.linearRampToValueAtTime(0, to);
  tone.connect(volume).connect(on.destination);
  tone.onended = rest;
  tone.start(from);
  tone.stop(to);
}
