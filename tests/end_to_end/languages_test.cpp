// Languages of a request, through every door: the command, native HTTP, /translate, DeepL, TGI.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

const std::string kTokenizers = std::string(TRANSEPT_FIXTURES) + "/tokenizers/spm/";

// The tensors of a safetensors file with more rows in the tables that have one per token.
std::string with_rows(const std::string& file, std::int64_t before, std::int64_t after) {
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  const JsonDocument header = JsonDocument::parse(file.substr(8, size), "header");
  JsonWriter json;
  std::string data;
  json.begin_object();
  header.root().each_member([&](std::string_view name, const Json& tensor) {
    if (name == "__metadata__") return;
    const std::vector<Json> place = tensor.at("data_offsets").elements();
    const auto begin = static_cast<size_t>(place[0].as_int());
    const auto n_bytes = static_cast<size_t>(place[1].as_int()) - begin;
    std::string bytes = file.substr(8 + size + begin, n_bytes);
    std::int64_t n = 1;
    json.key(name).begin_object().member("dtype", tensor.at("dtype").as_string());
    json.key("shape").begin_array();
    for (const Json& extent : tensor.at("shape").elements()) {
      const bool is_table = extent.as_int() == before;
      if (is_table) n = after;
      json.value(is_table ? after : extent.as_int());
    }
    if (n == after) {  // rows, or the entries of a bias
      const size_t row = bytes.size() / static_cast<size_t>(before);
      for (std::int64_t i = before; i < after; ++i)  // each another of the first ones
        bytes += bytes.substr(row * static_cast<size_t>(7 * i % before), row);
    }
    json.end_array().key("data_offsets").begin_array();
    json.value(data.size()).value(data.size() + bytes.size()).end_array().end_object();
    data += bytes;
  });
  json.end_object();
  std::string text = json.take();
  text.append(8 - text.size() % 8, ' ');
  size = text.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &size, sizeof size);
  return out + text + data;
}

// The tiny model with a tokenizer whose pieces it has rows for.
std::string with_text(const std::string& name, std::int64_t rows) {
  const std::string folder = scratch(name);
  EXPECT_EQ(std::system(("rm -rf " + folder + " && cp -r " + model(name) + " " + folder +
                         " && cp " + kTokenizers + name + "/* " + folder)
                            .c_str()),
            0);
  std::string config = read(folder + "/config.json");
  const JsonDocument document = JsonDocument::parse(config, "config.json");
  const std::int64_t before = document.root().at("vocab_size").as_int();
  const std::string member = "\"vocab_size\": ";
  const size_t at = config.find(member) + member.size();
  config.replace(at, std::to_string(before).size(), std::to_string(rows));
  write(folder + "/config.json", config);
  write(folder + "/model.safetensors",
        with_rows(read(folder + "/model.safetensors"), before, rows));
  return folder;
}

std::string first_id(const std::string& answer) {
  const size_t begin = answer.find("\"ids\":[") + 7;
  return answer.substr(begin, answer.find_first_of(",]", begin) - begin);
}

class Nllb : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = with_text("nllb", 420);
    server_ =
        new ServerProcess({folder_, "--memory-folder", "none", "--source-language", "eng_Latn"});
  }
  static void TearDownTestSuite() { delete server_; }
  static std::string post(const std::string& path, const std::string& body, int status = 200) {
    const HttpResult result = http(server_->port(), "POST", path, body);
    EXPECT_EQ(result.status, status) << path << " " << body << result.body;
    return result.body;
  }
  static Result command(const std::string& source, const std::string& target) {
    return transept({"generate", folder_, "--input", "the house", "--format", "jsonl", "--beam",
                     "1", "--max-new-tokens", "4", "--source-language", source, "--target-language",
                     target});
  }
  static std::string id_of(const std::string& code) {
    return transept({"tokenize", folder_, "--source-language", code, "--input", ""})
        .out.substr(0, 3);
  }
  static inline std::string folder_;
  static inline ServerProcess* server_ = nullptr;
};

TEST_F(Nllb, TakesTheLanguagesOfEachRequestByEveryDoor) {
  for (const std::string target : {"fra_Latn", "deu_Latn"}) {
    const Result right = command("eng_Latn", target);
    ASSERT_EQ(right.code, 0) << right.err;
    EXPECT_EQ(first_id(right.out), id_of(target));
    const std::string text = right.out.substr(right.out.find("\"text\""), 20);
    const std::string options = R"("options": {"beams": 1, "max_new_tokens": 4})";
    const std::string answer =
        post("/v1/generate",
             R"({"input": "the house", "target_language": ")" + target + R"(", )" + options + "}");
    EXPECT_EQ(first_id(answer), id_of(target));
    EXPECT_EQ(first_id(post("/v1/generate", R"({"input": "the house", "options": {"beams": 1,
        "target_language": ")" + target + R"("}})")),
              id_of(target));
    // A source of its own makes another input.
    EXPECT_NE(command("deu_Latn", target).out, right.out);
    const std::string body = R"({"q": "the house", "source": "eng_Latn", "target": ")";
    (void)post("/translate", body + target + "\"}");
  }
  const auto text_by = [&](const std::string& path, const std::string& body,
                           const std::string& key) {
    const std::string answer = post(path, body);
    const size_t begin = answer.find("\"" + key + "\":\"") + key.size() + 4;
    return answer.substr(begin, answer.find("\"", begin) - begin);
  };
  for (const std::string target : {"fra_Latn", "deu_Latn"}) {
    const std::string right = text_by(
        "/translate", R"({"q": "the house", "source": "eng_Latn", "target": ")" + target + "\"}",
        "translatedText");
    EXPECT_EQ(text_by("/v2/translate", R"({"text": ["the house"], "source_lang": "ENG_LATN",
        "target_lang": ")" + target + "\"}",
                      "text"),
              right);
    EXPECT_EQ(text_by("/generate",
                      R"({"inputs": "the house", "parameters": {"src_lang":
        "eng_Latn", "tgt_lang": ")" +
                          target + "\"}}",
                      "generated_text"),
              right);
  }
}

TEST_F(Nllb, ListsItsLanguagesAndRefusesOthers) {
  const std::string listed = http(server_->port(), "GET", "/languages").body;
  for (const char* code : {"eng_Latn", "fra_Latn", "deu_Latn", "zho_Hans"})
    EXPECT_NE(listed.find(code), std::string::npos) << listed;
  EXPECT_EQ(command("eng_Latn", "the").code, 2);
  EXPECT_NE(command("eng_Latn", "the").err.find("fra_Latn"), std::string::npos);
  (void)post("/v1/generate", R"({"input": "a", "target_language": "the"})", 400);
  (void)post("/v1/memories", R"({"text": "a", "source_language": "the"})", 400);
  (void)post("/translate", R"({"q": "a", "source": "eng_Latn", "target": "the"})", 400);
  (void)post("/generate", R"({"inputs": "a", "parameters": {"tgt_lang": "the"}})", 400);
}

TEST_F(Nllb, TakesTheServersLanguageWhereARequestNamesNone) {
  const ServerProcess german({folder_, "--memory-folder", "none", "--target-language", "deu_Latn"});
  const auto ask = [&](const std::string& more) {
    const HttpResult result =
        http(german.port(), "POST", "/v1/generate",
             R"({"input": "the house", "options": {"beams": 1})" + more + "}");
    EXPECT_EQ(result.status, 200) << result.body;
    return first_id(result.body);
  };
  EXPECT_EQ(ask(""), id_of("deu_Latn"));
  EXPECT_EQ(ask(R"(, "target_language": "fra_Latn")"), id_of("fra_Latn"));
}

TEST(M2m100, LooksCodesUpAmongCodes) {
  const std::string folder = with_text("m2m100", 520);
  for (const std::string code : {"es", "en", "fr"}) {
    const Result result =
        transept({"generate", folder, "--input", "the house", "--format", "jsonl", "--beam", "1",
                  "--max-new-tokens", "3", "--source-language", "de", "--target-language", code});
    ASSERT_EQ(result.code, 0) << result.err;
    const std::string ids =
        transept({"tokenize", folder, "--source-language", code, "--input", "the"}).out;
    EXPECT_EQ(first_id(result.out), ids.substr(0, ids.find(' '))) << code;
  }
}

// A pair of the folder chooses the text before the input.
TEST(Languages, ChooseThePrefixOfAPair) {
  const std::string folder = scratch("pairs");
  EXPECT_EQ(std::system(("rm -rf " + folder + " && cp -r " + kModel + " " + folder).c_str()), 0);
  std::string config = read(folder + "/config.json");
  config.insert(config.find('{') + 1,
                R"("task_specific_params": {"translation_en_to_de": {"prefix": "the big "},
                   "translation_fr_to_de": {"prefix": "the small "}},)");
  write(folder + "/config.json", config);
  const auto say = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = {"generate", folder, "--format", "jsonl"};
    command.insert(command.end(), more.begin(), more.end());
    const Result result = transept(command);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  const std::string right = say({"--input", "the small dog"});
  EXPECT_EQ(say({"--input", "dog", "--source-language", "fr", "--target-language", "de"}), right);
  const Result open = transept({"generate", folder, "--input", "dog", "--target-language", "de"});
  EXPECT_EQ(open.code, 2);
  EXPECT_NE(open.err.find("source"), std::string::npos) << open.err;
  const std::string memory = scratch("pair.memory");
  ASSERT_EQ(transept({"encode", folder, "--input", "dog", "--source-language", "FR",
                      "--target-language", "DE", "--output", memory})
                .code,
            0);
  EXPECT_EQ(say({"--memory", memory}), right);
  EXPECT_EQ(transept({"generate", folder, "--memory", memory, "--source-language", "fr",
                      "--target-language", "de"})
                .code,
            2);
  const ServerProcess server({folder, "--memory-folder", "none"});
  const HttpResult made =
      http(server.port(), "POST", "/v1/memories",
           R"({"text": "dog", "source_language": "fr", "target_language": "de"})");
  const std::string id = text_of(made, "id");
  const HttpResult plain =
      http(server.port(), "POST", "/v1/generate", R"({"memory": ")" + id + "\"}");
  EXPECT_EQ(text_of(plain, "text"),
            text_of(http(server.port(), "POST", "/v1/generate", R"({"input": "the small dog"})"),
                    "text"));
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate",
                 R"({"memory": ")" + id + R"(", "source_language": "fr", "target_language": "de"})")
                .status,
            400);
}

TEST(Languages, AreRefusedByModelsThatKnowNone) {
  const ServerProcess server({kModel, "--memory-folder", "none"});
  const auto post = [&](const std::string& path, const std::string& body) {
    const HttpResult result = http(server.port(), "POST", path, body);
    EXPECT_EQ(result.status, 400) << result.body;
    EXPECT_NE(result.body.find("language"), std::string::npos) << result.body;
  };
  post("/v1/generate", R"({"input": "a", "target_language": "de"})");
  post("/v1/score", R"({"input": "a", "target": "b", "source_language": "de"})");
  post("/v1/completions", R"({"prompt": "a", "options": {"target_language": "de"}})");
  const std::vector<std::vector<std::string>> verbs = {
      {"generate", kModel, "--input", "a"},
      {"score", kModel, "--input", "a", "--target", "b"},
      {"encode", kModel, "--input", "a", "--output", scratch("m")},
      {"explain", kModel, "--input", "a"},
      {"tokenize", kModel, "--input", "a"}};
  for (std::vector<std::string> verb : verbs) {
    verb.insert(verb.end(), {"--target-language", "de"});
    const Result result = transept(verb);
    EXPECT_EQ(result.code, 2) << verb[0] << result.err;
    EXPECT_EQ(result.out, "");
  }
}

}  // namespace
}  // namespace transept::testing
