// The API as OpenAPI describes it. `ask` gives an answer or throws an ApiError.
import createClient, { type Middleware } from "openapi-fetch";
import { csrf, forgetSession } from "../session";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

const session: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrf());
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: location.origin });
api.use(session);

export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch {
    throw new ApiError(0, "offline", "The server cannot be reached. Are you online?");
  }
  if (answer.error !== undefined) throw problem(answer.error, answer.response);
  return answer.data as T;
}

function problem(body: unknown, response: Response): ApiError {
  const told = (typeof body === "object" && body ? body : {}) as Partial<Schemas["Error"]>;
  if (response.status === 401) forgetSession();
  const message = told.error ?? `The server answered ${response.status}.`;
  const wait = Number(response.headers.get("Retry-After")) || undefined;
  const hint = told.hint ?? undefined;
  return new ApiError(response.status, told.code ?? "failed", sentence(message), hint, wait);
}

/** What went wrong, for a person. */
export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The server's errors begin small, as a part of a line. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
