// Reads lines, each a JSON string, and prints what the tokenizer of a folder makes of them: one
// JSON object per line with ids, offsets and decoded text, or the error. For tools/compare_spm.py.
//   spm_driver FOLDER [--target] [--no-special] [--keep-special] [--normalize-punctuation]
//              [--source-language L] [--target-language L] [--time REPEATS]
#include <fmt/format.h>

#include <ctime>
#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "text/spm_family.h"

namespace transept {
namespace {

struct Arguments {
  std::filesystem::path folder;
  TokenizerOptions options;
  EncodeOptions encode;
  bool skip_special = true;
  int repeats = 0;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--target") {
      arguments.encode.target_side = true;
    } else if (flag == "--no-special") {
      arguments.encode.special_tokens = false;
    } else if (flag == "--keep-special") {
      arguments.skip_special = false;
    } else if (flag == "--normalize-punctuation") {
      arguments.options.normalize_punctuation = true;
    } else if (flag == "--source-language" && i + 1 < argc) {
      arguments.options.source_language = argv[++i];
    } else if (flag == "--target-language" && i + 1 < argc) {
      arguments.options.target_language = argv[++i];
    } else if (flag == "--time" && i + 1 < argc) {
      arguments.repeats = std::stoi(argv[++i]);
    } else {
      arguments.folder = flag;
    }
  }
  return arguments;
}

std::string describe(const Tokenizer& tokenizer, const Arguments& arguments,
                     std::string_view text) {
  JsonWriter out;
  out.begin_object();
  try {
    const Encoding encoding = tokenizer.encode(text, arguments.encode);
    out.key("ids").begin_array();
    for (const Token id : encoding.ids) out.value(int64_t{id});
    out.end_array().key("offsets").begin_array();
    for (const Offset& offset : encoding.offsets) out.value(offset.begin).value(offset.end);
    out.end_array();
    out.member("text", tokenizer.decode(encoding.ids, arguments.skip_special));
  } catch (const Error& error) {
    out.member("error", error.what());
  }
  out.end_object();
  return out.take();
}

// Milliseconds of processor time per pass over all lines: encoding, then decoding; the best pass.
void measure(const Tokenizer& tokenizer, const std::vector<std::string>& lines, int repeats) {
  double best_encode = 1e30;
  double best_decode = 1e30;
  const auto ms = [](std::clock_t d) { return 1e3 * static_cast<double>(d) / CLOCKS_PER_SEC; };
  for (int i = 0; i < repeats; ++i) {
    std::vector<std::vector<Token>> all;
    all.reserve(lines.size());
    const std::clock_t start = std::clock();
    for (const std::string& line : lines) all.push_back(tokenizer.encode(line).ids);
    const std::clock_t middle = std::clock();
    for (const auto& ids : all) (void)tokenizer.decode(ids);
    best_encode = std::min(best_encode, ms(middle - start));
    best_decode = std::min(best_decode, ms(std::clock() - middle));
  }
  fmt::print("{{\"encode_ms\": {}, \"decode_ms\": {}}}\n", best_encode, best_decode);
}

int run(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  const auto tokenizer = load_spm_family(arguments.folder, arguments.options);
  check(tokenizer != nullptr, ErrorCode::not_found, "{}: no tokenizer", arguments.folder.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) {
    const JsonDocument document = JsonDocument::parse(line, "stdin");
    const std::string text(document.root().as_string());
    if (arguments.repeats > 0) {
      lines.push_back(text);
    } else {
      std::cout << describe(*tokenizer, arguments, text) << '\n';
    }
  }
  if (arguments.repeats > 0) measure(*tokenizer, lines, arguments.repeats);
  return 0;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  try {
    return transept::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
