// What a request costs: in proportion to its size, whatever list it carries on whatever surface,
// and nothing beyond reading it where the list is longer than the surface takes. Processor time of
// the server, so that company on the machine does not count.
#include <gtest/gtest.h>

#include <algorithm>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

struct List {
  const char* name;
  const char* path;
  const char* before;
  const char* element;  // '#' stands for its number
  const char* after;
  int n = 400;            // a tenth of the longer one
  const char* type = "";  // another content type than JSON
  const char* between = ",";

  [[nodiscard]] std::string body(size_t count) const {
    std::string text = before;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) text += between;
      for (const char* c = element; *c != '\0'; ++c) {
        if (*c == '#') {
          text += std::to_string(i);
        } else {
          text += *c;
        }
      }
    }
    return text + after;
  }

  // Elements that a body of so many bytes holds, at least; '#' has up to seven digits.
  [[nodiscard]] size_t count_for(size_t bytes) const {
    const std::string_view one = element;
    const size_t digits = one.find('#') == std::string_view::npos ? 0 : 6;
    return bytes / (one.size() + 1 + digits);
  }
};

constexpr const char* kForm = "Content-Type: application/x-www-form-urlencoded\r\n";

// Ids end with one that is not in the vocabulary: what is measured is the list, not the model,
// whose attention costs more than in proportion (bounded by --max-source-tokens).
const List kLists[] = {
    {"keep", "/v1/generate", R"({"source_ids": [5, 6, 7], "keep": [)", "[0,1]", "]}"},
    {"keep of beams", "/v1/beams", R"({"source_ids": [5, 6, 7], "keep": [)", "[0,1]", "]}"},
    {"source ids", "/v1/generate", R"({"source_ids": [)", "5", ",99999]}"},
    {"prompt ids", "/v1/generate", R"({"source_ids": [5], "prompt_ids": [)", "5", ",99999]}"},
    {"target ids", "/v1/score", R"({"source_ids": [5], "target_ids": [)", "5", ",99999]}"},
    {"explained ids", "/v1/explain", R"({"source_ids": [5], "output_ids": [)", "5", ",99999]}"},
    {"occluded ids", "/v1/occlusion", R"({"source_ids": [5], "output_ids": [)", "5", ",99999]}"},
    {"ids of a memory", "/v1/memories", R"({"ids": [)", "5", ",99999]}"},
    {"joined memories", "/v1/memories/concat", R"({"memories": [)", R"("0123")", "]}", 100},
    {"LibreTranslate's texts", "/translate", R"({"target": "de", "q": [)", R"("a")", "]}", 100},
    {"LibreTranslate's form", "/translate", "target=de&", "q=a", "", 100, kForm, "&"},
    {"LibreTranslate's members", "/translate", R"({"target": "de", "q": "a", )", R"("x#": 1)", "}",
     200},
    {"DeepL's texts", "/v2/translate", R"({"target_lang": "DE", "text": [)", R"("a")", "]}", 100},
    {"DeepL's form", "/v2/translate", "target_lang=DE&", "text=a", "", 100, kForm, "&"},
    {"Hugging Face's inputs", "/", R"({"parameters": {"max_new_tokens": 2}, "inputs": [)", R"("a")",
     "]}", 100},
    {"bad words", "/generate", R"({"inputs": "a", "parameters": {"bad_words_ids": [)", "[5]",
     ",[99999]]}}", 200},
    {"one long bad word", "/", R"({"inputs": "a", "parameters": {"bad_words_ids": [[)", "5",
     ",99999]]}}"},
    {"biases", "/", R"({"inputs": "a", "parameters": {"sequence_bias": [)", "[[5],1]",
     ",[[99999],1]]}}", 100},
    {"suppressed", "/generate_stream", R"({"inputs": "a", "parameters": {"suppress_tokens": [)",
     "5", ",99999]}}"},
    {"suppressed first", "/", R"({"inputs": "a", "parameters": {"begin_suppress_tokens": [)", "5",
     ",99999]}}"},
    {"listed twice", "/",
     R"({"inputs": "a", "parameters": {"generate_parameters": {"suppress_tokens": [)", "5",
     ",99999]}}}"},
    {"end marks", "/", R"({"inputs": "a", "parameters": {"eos_token_id": [)", "5", ",99999]}}"},
    {"prompts", "/v1/completions", R"({"max_tokens": 2, "prompt": [)", R"("a")", "]}", 100},
    {"a prompt of ids", "/v1/completions", R"({"max_tokens": 2, "prompt": [)", "5", ",99999]}"},
    {"prompts of ids", "/v1/completions", R"({"max_tokens": 2, "prompt": [)", "[5]", "]}", 100},
    {"stops", "/v1/completions", R"({"max_tokens": 2, "prompt": "a", "stop": [)", R"("abc")", "]}"},
    {"messages", "/v1/chat/completions", R"({"max_tokens": 2, "messages": [)",
     R"({"role": "user", "content": "a"})", "]}", 100},
    {"parts", "/v1/chat/completions",
     R"({"max_tokens": 2, "messages": [{"role": "user", "content": [)",
     R"({"type": "text", "text": "a"})", "]}]}", 100},
    {"items", "/v1/responses", R"({"max_output_tokens": 2, "input": [)",
     R"({"role": "user", "content": "a"})", "]}", 100},
    {"wrong parts", "/v1/responses",
     R"({"max_output_tokens": 2, "input": [{"role": "user", "content": [)",
     R"({"type": "input_text", "text": "a"})", R"(,{"type": "image"}]}]})", 100},
};

class ServeCost : public ::testing::Test {
 protected:
  ServerProcess server_{{kModel, "--memory-folder", "none", "--threads", "1", "--translate",
                         "en:de", "--max-tokens", "100000000"}};

  // Processor seconds of one answer, and its status.
  std::pair<double, int> cost(const List& list, size_t n) {
    const std::string body = list.body(n);
    const double begin = server_.processor_seconds();
    const int status = http(server_.port(), "POST", list.path, body, list.type).status;
    return {server_.processor_seconds() - begin, status};
  }
};

TEST_F(ServeCost, TenTimesTheListCostsTenTimesTheTime) {
  for (const List& list : kLists) {
    SCOPED_TRACE(list.name);
    (void)cost(list, 3);  // first touches
    const auto n = static_cast<size_t>(list.n);
    double small = 1e9;
    double large = 1e9;
    for (int round = 0; round < 5; ++round) {
      const auto [seconds, status] = cost(list, n);
      EXPECT_NE(status, 0);
      small = std::min(small, seconds);
      large = std::min(large, cost(list, 10 * n).first);
      if (large < 12 * small) break;
    }
    // Generous, as even processor time is longer in company; the square would be a hundred times.
    EXPECT_LT(large, 20 * small + 0.005) << small << " s of " << n;
  }
}

// As many elements as a body holds: read, counted and refused.
TEST_F(ServeCost, WhatIsTooLongIsRefusedBeforeItIsWorkedOn) {
  for (const List& list : kLists) {
    SCOPED_TRACE(list.name);
    const size_t room = (size_t{4} << 20) - 200;
    double least = 1e9;  // of three: company on the machine takes caches and clocks too
    for (int round = 0; round < 3 && least > 0.5; ++round) {
      const auto [seconds, status] = cost(list, list.count_for(room));
      EXPECT_TRUE(status == 413 || status == 400) << status;
      least = std::min(least, seconds);
    }
    EXPECT_LT(least, 1.5);
  }
  EXPECT_EQ(metric(server_.port(), "transept_encoder_runs_total{model=\"tiny-t5-text\"}"), "0");
  EXPECT_LT(server_.resident_bytes(), size_t{700} << 20);
}

// The parameters of a request are read once, however many inputs it has.
TEST_F(ServeCost, InputsShareTheirParameters) {
  const auto bytes_for = [&](int n_inputs) {
    std::string inputs = R"("a")";
    for (int i = 1; i < n_inputs; ++i) inputs += R"(,"a")";
    std::string biases = "[[5],1]";
    for (int i = 1; i < 1000; ++i) biases += ",[[5],1]";
    const HttpResult answer = http(server_.port(), "POST", "/",
                                   R"({"parameters": {"max_new_tokens": 1, "sequence_bias": [)" +
                                       biases + R"(]}, "inputs": [)" + inputs + "]}");
    EXPECT_EQ(answer.status, 200) << answer.body.substr(0, 200);
    return server_.resident_bytes();
  };
  const std::size_t few = bytes_for(1);
  EXPECT_LT(bytes_for(1000), few + (std::size_t{64} << 20));
}

// What a thousand questions have in common is read once, and refused by its length before it is
// copied for each of them.
TEST_F(ServeCost, WhatQuestionsShareIsNotMultiplied) {
  std::string words;
  for (int i = 0; i < 12'500; ++i) words += "the dog ";
  std::string many = R"("a")";
  for (int i = 1; i < 1000; ++i) many += R"(,"a")";
  for (const auto& [path, body] : std::vector<std::pair<std::string, std::string>>{
           {"/", R"({"parameters": {"any_prompt": true, "prompt": ")" + words +
                     R"("}, "inputs": [)" + many + "]}"},
           {"/v1/completions",
            R"({"max_tokens": 1, "input_text": ")" + words + R"(", "prompt": [)" + many + "]}"}}) {
    SCOPED_TRACE(path);
    const std::size_t memory = server_.resident_bytes();
    const double before = server_.processor_seconds();
    EXPECT_EQ(http(server_.port(), "POST", path, body).status, 413);
    EXPECT_LT(server_.processor_seconds() - before, 0.5);
    EXPECT_LT(server_.resident_bytes(), memory + (std::size_t{48} << 20));
  }
}

}  // namespace
}  // namespace transept::testing
