#include "train/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/lines.h"
#include "base/utf8.h"

namespace transept {
namespace {

TextPair split_columns(std::string_view line, const std::string& where) {
  std::vector<std::string_view> columns;
  for (size_t at = 0;;) {
    const size_t tab = line.find('\t', at);
    columns.push_back(line.substr(at, tab - at));
    if (tab == std::string_view::npos) break;
    at = tab + 1;
  }
  check(columns.size() == 2 || columns.size() == 3, ErrorCode::bad_data,
        "{}: {} columns, expected input<TAB>output or prompt<TAB>input<TAB>output", where,
        columns.size());
  TextPair pair;
  if (columns.size() == 3) pair.prompt = columns[0];
  pair.input = columns[columns.size() - 2];
  pair.output = columns.back();
  pair.where = where;
  return pair;
}

void check_pair(const TextPair& pair) {
  check(!pair.input.empty(), ErrorCode::bad_data, "{}: the input is empty", pair.where);
  check(!pair.output.empty(), ErrorCode::bad_data, "{}: the output is empty", pair.where);
}

// A file's lines as texts, one held at a time: without the mark it may begin with and the carriage
// returns before its line feeds, as everything else reads texts.
void each_text(const std::string& file, const std::function<void(std::string_view, size_t)>& f) {
  each_line(file, [&](std::string_view line, size_t number) {
    f(without_return(number == 1 ? without_mark(line) : line), number);
  });
}

std::vector<std::string> read_lines(const std::string& file) {
  std::vector<std::string> lines;
  each_text(file, [&](std::string_view line, size_t) { lines.emplace_back(line); });
  return lines;
}

std::string hash_of(const std::vector<TextPair>& pairs) {
  Hasher hasher;
  for (const TextPair& pair : pairs) {
    for (const std::string* text : {&pair.prompt, &pair.input, &pair.output}) {
      hasher.add(*text);
      hasher.add(std::string_view("\0", 1));
    }
  }
  return hasher.hex();
}

}  // namespace

std::vector<TextPair> read_pairs(const Paths& files) {
  std::vector<TextPair> pairs;
  for (const std::string& file : files) {
    each_text(file, [&](std::string_view line, size_t number) {
      pairs.push_back(split_columns(line, fmt::format("{}:{}", file, number)));
      check_pair(pairs.back());
    });
  }
  return pairs;
}

std::vector<TextPair> read_parallel(const Paths& source, const Paths& target) {
  std::vector<TextPair> pairs;
  for (size_t i = 0; i < source.size(); ++i) {
    const std::vector<std::string> inputs = read_lines(source[i]);
    const std::vector<std::string> outputs = read_lines(target[i]);
    check(inputs.size() == outputs.size(), ErrorCode::bad_data,
          "{} has {} lines, {} has {}: they go together line by line", source[i], inputs.size(),
          target[i], outputs.size());
    for (size_t line = 0; line < inputs.size(); ++line) {
      pairs.push_back({{}, inputs[line], outputs[line], fmt::format("{}:{}", source[i], line + 1)});
      check_pair(pairs.back());
    }
  }
  return pairs;
}

Example Encoder::operator()(const TextPair& pair) const {
  try {
    Example example;
    example.source = tokenizer.encode(pair.input).ids;
    check(!example.source.empty(), ErrorCode::bad_data, "the input has no tokens");
    std::vector<Token> prompt;
    if (!pair.prompt.empty()) {
      const EncodeOptions plain{.special_tokens = false, .target_side = true};
      prompt = tokenizer.encode(pair.prompt, plain).ids;
    }
    if (!config.has_encoder()) {  // a decoder on its own continues its input
      prompt.insert(prompt.begin(), example.source.begin(), example.source.end());
      example.source.clear();
    }
    example.target = decoder_prompt(options, config, prompt);
    example.prompt = static_cast<int>(example.target.size()) - 1;
    // After a prompt only the end mark, as when scoring and generating.
    const EncodeOptions marks{.special_tokens = prompt.empty(), .target_side = true};
    const std::vector<Token> output = tokenizer.encode(pair.output, marks).ids;
    // BERT's [CLS] is its start token and stands there already.
    const bool repeats = !output.empty() && prompt.empty() && output[0] == example.target[0] &&
                         config.family == "encoder-decoder";
    example.target.insert(example.target.end(), output.begin() + (repeats ? 1 : 0), output.end());
    const auto& eos = config.eos;
    if (!eos.empty() && std::find(eos.begin(), eos.end(), example.target.back()) == eos.end()) {
      example.target.push_back(eos.front());
    }
    check(example.rows() > example.prompt, ErrorCode::bad_data, "the output has no tokens");
    return example;
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("{}: {}", pair.where, e.what()));
  }
}

Dataset make_dataset(std::vector<TextPair> pairs, const Encoder& encoder,
                     const TrainConfig::Data& data, bool keep_texts, ThreadPool& pool) {
  Dataset out;
  out.hash = hash_of(pairs);
  std::vector<Example> all(pairs.size());
  pool.parallel_for(static_cast<int64_t>(pairs.size()), 64, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      all[i] = encoder(pairs[i]);
  });
  const auto limit = [](int wanted, int positions) {
    return static_cast<size_t>(positions > 0 ? std::min(wanted, positions) : wanted);
  };
  const size_t most_source = limit(data.max_source_tokens, encoder.config.encoder.max_positions);
  const size_t most_target = limit(data.max_target_tokens, encoder.config.decoder.max_positions);
  for (size_t i = 0; i < all.size(); ++i) {
    Example& example = all[i];
    if (example.source.size() > most_source || static_cast<size_t>(example.rows()) > most_target) {
      ++out.too_long;
      continue;
    }
    out.target_tokens += example.rows();
    out.lines.push_back(i);
    out.examples.push_back(std::move(example));
  }
  check(!out.examples.empty(), ErrorCode::bad_data,
        "no pair to learn from: {} in the files, {} of them longer than {} or {} tokens",
        pairs.size(), out.too_long, most_source, most_target);
  if (keep_texts) out.texts = std::move(pairs);
  return out;
}

std::string Dataset::summary(const std::string& name) const {
  std::string text =
      fmt::format("{}: {} pairs, {} target tokens", name, examples.size(), target_tokens);
  if (too_long > 0) text += fmt::format("; {} too long pairs are left out", too_long);
  return text;
}

}  // namespace transept
