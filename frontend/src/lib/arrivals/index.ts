export * from "./arrivals";
