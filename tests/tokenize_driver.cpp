// For tools/compare_tokenizers.py: reads lines of JSON strings, writes for each the ids, offsets
// and decoded texts as JSON; with --time, tokenizes all lines several times and prints seconds.
// For tools/fixtures/tokenizer_digests.py: --corpus DATA writes the lines of the tests.
#include <cstdio>
#include <ctime>
#include <iostream>

#include "base/json.h"
#include "support/tokenizer_corpus.h"
#include "text/tokenizer.h"

namespace {

using transept::Encoding;
using transept::JsonWriter;
using transept::Token;
using transept::Tokenizer;

std::vector<std::string> read_lines() {
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto document = transept::JsonDocument::parse(line, "stdin");
    lines.emplace_back(document.root().as_string());
  }
  return lines;
}

void write(const Tokenizer& tokenizer, const std::string& text) {
  JsonWriter out;
  try {
    const Encoding encoding = tokenizer.encode(text);
    out.begin_object().key("ids").begin_array();
    for (const Token id : encoding.ids) out.value(int64_t{id});
    out.end_array().key("offsets").begin_array();
    for (const auto& offset : encoding.offsets) out.value(offset.begin).value(offset.end);
    out.end_array();
    out.member("plain", tokenizer.decode(encoding.ids, true));
    out.member("full", tokenizer.decode(encoding.ids, false)).end_object();
  } catch (const std::exception& error) {
    out = JsonWriter();
    out.begin_object().member("error", std::string(error.what())).end_object();
  }
  std::cout << out.text() << '\n';
}

void measure(const Tokenizer& tokenizer, const std::vector<std::string>& lines) {
  for (int round = 0; round < 5; ++round) {
    const std::clock_t start = std::clock();  // CPU time: other programs may be running
    size_t tokens = 0;
    for (const std::string& line : lines) tokens += tokenizer.encode(line).ids.size();
    const auto ticks = static_cast<double>(std::clock() - start);
    std::printf("%.6f %zu\n", ticks / CLOCKS_PER_SEC, tokens);
  }
}

void write_corpus(const char* data) {
  const transept::testing::TokenizerCorpus corpus(data);
  for (const std::string& line : corpus.lines()) {
    JsonWriter out;
    out.value(line);
    std::cout << out.text() << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::ios::sync_with_stdio(false);
  try {
    if (std::string(argv[1]) == "--corpus" && argc > 2) {
      write_corpus(argv[2]);
      return 0;
    }
    transept::TokenizerOptions options;
    if (argc > 3 && std::string(argv[2]) == "--source") options.source_language = argv[3];
    const auto tokenizer = transept::load_tokenizer(argv[1], options);
    const std::vector<std::string> lines = read_lines();
    if (argc > 2 && std::string(argv[2]) == "--time") {
      measure(*tokenizer, lines);
    } else {
      for (const std::string& line : lines) write(*tokenizer, line);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
