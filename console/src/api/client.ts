// The API as OpenAPI describes it. `ask` gives an answer or throws an ApiError.
import createClient, { type Middleware } from "openapi-fetch";
import { csrf, forgetSession } from "../session";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** Its message says what went wrong, and what to do next. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
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
  const answer = await reached(call);
  if (answer.error !== undefined) throw problem(answer.error, answer.response);
  return answer.data as T;
}

/** For a call that `api` does not make: throws an ApiError where nobody answers. */
export async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new ApiError(0, "offline", "The server gave no answer in time.");
    }
    throw new ApiError(0, "offline", "The server cannot be reached. Are you online?");
  }
}

/** Of an answer that is none. */
export function problem(body: unknown, response: Response): ApiError {
  const told = (typeof body === "object" && body ? body : {}) as Partial<Schemas["Error"]>;
  if (response.status === 401) forgetSession();
  const message = told.error ?? `The server answered ${response.status}.`;
  return new ApiError(response.status, told.code ?? "failed", whole(message, told.hint));
}

/** What went wrong, for a person. */
export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What the server says of an error: the message, and the hint of what to do next. */
export function whole(message: string, hint?: string | null): string {
  return hint ? `${sentence(message)} ${sentence(hint)}` : sentence(message);
}

/** The server's errors begin small, as a part of a line. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
