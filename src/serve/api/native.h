// What the native surface's files share: reading a question, writing an answer.
#pragma once

#include <array>

#include "base/json.h"
#include "serve/service.h"

namespace transept::serve {

// The body as a JSON object. Error bad_data; Refusal 415 for another declared content type.
[[nodiscard]] JsonDocument json_body(const HttpRequest& request);
// Error usage for a member that is not one of `names`.
void check_members(const Json& object, std::initializer_list<std::string_view> names);
// For members that clients send whether they mean something or not: one that is none of `names` and
// says something is an error. Null, false, 0, "", "none", "auto", [] and {} say nothing.
[[nodiscard]] bool says_nothing(const Json& value);
void check_meaning(const Json& object, std::string_view where,
                   std::initializer_list<std::string_view> names);
// Error usage if the object has more than one of them.
void at_most_one(const Json& object, std::initializer_list<const char*> names);
// Token ids of an array.
[[nodiscard]] std::vector<Token> ids_of(const Json& array);

// The members that a question has on every path.
constexpr std::array<std::string_view, 10> kQuestion = {
    "model",      "memory",     "input", "source_ids",      "prompt",
    "prompt_ids", "any_prompt", "keep",  "source_language", "target_language"};
// Error usage for a member that is neither of kQuestion nor of `more`.
void check_question(const Json& body, std::initializer_list<std::string_view> more);
// Members of kQuestion, and "options".
[[nodiscard]] Ask ask_of(const Service& service, const Json& body);
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
