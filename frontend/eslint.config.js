/** What is checked beyond the types: the rules of hooks, and the one direction of imports. */
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const folders = (...patterns) => ({
  "no-restricted-imports": [
    "error",
    {
      patterns: [
        {
          group: [...patterns, "../*"],
          message: "Imports point one way: app, features, then ui and lib; features do not import each other.",
        },
      ],
    },
  ],
});

export default tseslint.config(
  { ignores: ["dist", "src/lib/schema.d.ts"] },
  tseslint.configs.strict,
  hooks.configs.flat.recommended,
  { files: ["src/app/**"], rules: folders() },
  { files: ["src/features/**"], rules: folders("@/app/*", "@/features/*") },
  { files: ["src/ui/**"], rules: folders("@/app/*", "@/features/*", "@/lib/*") },
  { files: ["src/lib/**"], rules: folders("@/app/*", "@/features/*", "@/ui/*") },
  {
    files: ["src/lib/connection/**", "src/lib/arrivals/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: ["react", "react-dom", "@tanstack/react-query"],
          patterns: ["@/app/*", "@/features/*", "@/ui/*", "../../*"],
        },
      ],
    },
  },
);
