/** Lets the service worker in, once the page has what it needs itself. Outside HTTPS (and localhost) there is none. */

export function letWorkerIn(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () => {
    navigator.serviceWorker.register("/service-worker.js").catch(() => {
      // Without one everything works but the start without a network; the next visit tries again.
    });
  };
  if (document.readyState === "complete") register();
  else window.addEventListener("load", register, { once: true });
}
