/** What becomes of code that cannot be loaded. */
import { describe, expect, it, vi } from "vitest";
import { loaded, Unloadable, type World } from "./chunks";

function world(changes: Partial<World> = {}): World {
  return { pause: () => Promise.resolve(), answers: () => Promise.resolve(true), renew: vi.fn(() => true), ...changes };
}

const fails = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"));

describe("code that is loaded later", () => {
  it("is tried again after a slip of the network, and the page stays", async () => {
    const here = world();
    const load = vi.fn().mockImplementationOnce(fails).mockResolvedValue("the page");
    await expect(loaded(load, here)).resolves.toBe("the page");
    expect(here.renew).not.toHaveBeenCalled();
  });

  it("makes the page load itself anew when the server has replaced it, and waits for that", async () => {
    const here = world();
    const given = vi.fn();
    void loaded(fails, here).then(given, given);
    await vi.waitFor(() => { expect(here.renew).toHaveBeenCalledOnce(); });
    expect(given).not.toHaveBeenCalled();
  });

  it("says so instead of going round for ever", async () => {
    await expect(loaded(fails, world({ renew: () => false }))).rejects.toThrow(Unloadable);
  });

  it("leaves the page alone while the server cannot be reached", async () => {
    const here = world({ answers: () => Promise.resolve(false) });
    await expect(loaded(fails, here)).rejects.toThrow("ParkMate cannot be reached");
    expect(here.renew).not.toHaveBeenCalled();
  });
});
