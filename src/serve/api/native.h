// What the native surface's files share: reading a question, writing an answer.
#pragma once

#include <array>

#include "base/json.h"
#include "serve/limits.h"
#include "serve/off_loop.h"
#include "serve/service.h"

namespace transept::serve {

// Bodies up to this size are read where they arrive, on the I/O thread.
inline constexpr size_t kReadHere = 32 << 10;
// Runs f here for a small body and on a worker for a large one: what reads it, checks it, tokenises
// it. f must not touch what belongs to the I/O thread (off_loop.h).
template <class F>
Task<std::invoke_result_t<F&>> reading(Call& call, F f) {
  if (call.exchange.request.body.size() <= kReadHere) co_return f();
  co_return co_await off_loop(*call.service.http, call.exchange.scope, std::move(f));
}
// Runs f, which writes a long answer, on a worker.
template <class F>
Task<std::string> writing(Call& call, F f) {
  std::string text = co_await off_loop(*call.service.http, call.exchange.scope, std::move(f));
  co_return text;
}

// The body as a JSON object. Error bad_data.
Task<JsonDocument> json_body(Call& call);
[[nodiscard]] JsonDocument parse_body(const HttpRequest& request);
// Error usage for a member that is not one of `names`.
void check_members(const Json& object, std::initializer_list<std::string_view> names);
// For members that clients send whether they mean something or not: one that is none of `names` and
// says something is an error. Null, false, 0, "", "none", "auto", [] and {} say nothing.
[[nodiscard]] bool says_nothing(const Json& value);
void check_meaning(const Json& object, std::string_view where,
                   std::initializer_list<std::string_view> names);
// Error usage if the object has more than one of them.
void at_most_one(const Json& object, std::initializer_list<const char*> names);
// Token ids of an array. Error limit if there are more than `most`.
[[nodiscard]] std::vector<Token> ids_of(const Json& array, std::size_t most);

// The members that a question has on every path.
constexpr std::array<std::string_view, 10> kQuestion = {
    "model",      "memory",     "input", "source_ids",      "prompt",
    "prompt_ids", "any_prompt", "keep",  "source_language", "target_language"};
// Error usage for a member that is neither of kQuestion nor of `more`.
void check_question(const Json& body, std::initializer_list<std::string_view> more);
// Members of kQuestion, and "options".
Task<Ask> ask_of(Call& call, const Json& body);
// "source_language" and "target_language", in the body or in its "options".
[[nodiscard]] Languages languages_of(const Json& body);
// "prompt", "any_prompt".
[[nodiscard]] PromptText prompt_of(const Json& body);
// What a request may set, spelled as in the C++ API. Error usage for anything else.
void set_search(GenerateOptions& search, const Json& options);
void write_answer(JsonWriter& json, const Ask& ask, const Answer& answer);
// Attention as numbers, or `packed`: base64 of little-endian 16-bit weight * 65535.
void write_explanation(JsonWriter& json, const Explanation& explanation, bool packed);
// "top": how many candidates.
[[nodiscard]] int top_of(const Json& body, int otherwise);
void write_info(JsonWriter& json, const MemoryStore::Info& info);

Task<void> send_json(Call& call, std::string body, int status = 200);

// The handlers of native_memories.cpp, native_generate.cpp and native_explain.cpp.
Task<void> make_memory(Call& call);
Task<void> list_memories(Call& call);
Task<void> get_memory(Call& call);
Task<void> delete_memory(Call& call);
Task<void> get_memory_data(Call& call);
Task<void> put_memory_data(Call& call);
Task<void> concat_memories(Call& call);
Task<void> native_generate(Call& call);
Task<void> native_score(Call& call);
Task<void> native_explain(Call& call);
Task<void> native_occlusion(Call& call);
Task<void> native_beams(Call& call);

}  // namespace transept::serve
