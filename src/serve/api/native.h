// What the native surface's files share: reading a question, writing an answer.
#pragma once

#include "base/json.h"
#include "serve/limits.h"
#include "serve/service.h"

namespace transept::serve {

// The body as a JSON object. Error bad_data; Refusal 415 for another declared content type.
[[nodiscard]] JsonDocument json_body(const HttpRequest& request);
// Error usage for a member that is not one of `names`.
void check_members(const Json& object, std::initializer_list<std::string_view> names);
// Error usage if the object has more than one of them.
void at_most_one(const Json& object, std::initializer_list<const char*> names);
// Token ids of an array. Error limit if there are more than `most`.
[[nodiscard]] std::vector<Token> ids_of(const Json& array, std::size_t most);

// "model", "memory" or "input" or "source_ids", "prompt" or "prompt_ids", "keep", "options".
[[nodiscard]] Ask ask_of(const Call& call, const Json& body);
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
