#include "text/tokenizer_json.h"

#include "base/error.h"
#include "text/bpe.h"
#include "text/unigram.h"
#include "text/wordlevel.h"
#include "text/wordpiece.h"

namespace transept {
namespace {

Bpe::Merges read_merges(const Json& json) {
  Bpe::Merges merges;
  merges.reserve(json.size());
  json.each_element([&](size_t, const Json& merge) {
    if (merge.is_string()) {  // "left right", the older way
      const std::string_view both = merge.as_string();
      if (both.starts_with("#version")) return;
      const size_t space = both.find(' ');
      check(space != std::string_view::npos && both.find(' ', space + 1) == std::string_view::npos,
            ErrorCode::bad_data, "{}: \"{}\", expected two pieces", merge, both);
      merges.emplace_back(both.substr(0, space), both.substr(space + 1));
      return;
    }
    const std::vector<Json> both = merge.elements();
    check(both.size() == 2, ErrorCode::bad_data, "{}: {} pieces, expected two", merge, both.size());
    merges.emplace_back(both[0].as_string(), both[1].as_string());
  });
  return merges;
}

std::unique_ptr<SubwordModel> read_bpe(const Json& json, PipelineParts& parts) {
  const double dropout = json.get("dropout", 0.0);
  check(dropout == 0, ErrorCode::unsupported, "{}: dropout {}: encoding at random", json, dropout);
  Vocabulary vocabulary = Vocabulary::from_json(json.at("vocab"));
  parts.model_count = vocabulary.count();
  auto bpe = std::make_unique<Bpe>(
      std::move(vocabulary), read_merges(json.at("merges")),
      BpeOptions{.unknown = json.get("unk_token", ""),
                 .continuing_prefix = json.get("continuing_subword_prefix", ""),
                 .end_of_word_suffix = json.get("end_of_word_suffix", ""),
                 .fuse_unknown = json.get("fuse_unk", false),
                 .byte_fallback = json.get("byte_fallback", false),
                 .ignore_merges = json.get("ignore_merges", false)},
      json.where());
  if (parts.pre_tokenizer != nullptr && parts.pre_tokenizer->ends_in_bytes() &&
      bpe->use_raw_bytes()) {
    parts.pre_tokenizer->leave_raw_bytes();
  }
  return bpe;
}

std::unique_ptr<SubwordModel> read_unigram(const Json& json, PipelineParts& parts) {
  std::vector<std::pair<std::string, double>> pieces;
  const Json vocab = json.at("vocab");
  pieces.reserve(vocab.size());
  vocab.each_element([&](size_t, const Json& entry) {
    const std::vector<Json> both = entry.elements();
    check(both.size() == 2, ErrorCode::bad_data, "{}: expected [\"piece\", score]", entry);
    pieces.emplace_back(both[0].as_string(), both[1].as_number());
  });
  check(!pieces.empty(), ErrorCode::bad_data, "{}: no pieces", vocab);
  const auto count = static_cast<int64_t>(pieces.size());
  parts.model_count = static_cast<int>(count);
  const std::optional<Json> unk = json.find("unk_id");
  const int unk_id = unk ? static_cast<int>(unk->as_int(0, count - 1)) : -1;
  return std::make_unique<Unigram>(pieces, unk_id, json.get("byte_fallback", false));
}

std::string_view model_type(const Json& json) {
  if (const std::optional<Json> type = json.find("type")) return type->as_string();
  if (json.find("merges")) return "BPE";  // older files do not say
  if (json.find("continuing_subword_prefix")) return "WordPiece";
  return json.at("vocab").is_array() ? "Unigram" : "WordLevel";
}

std::unique_ptr<SubwordModel> read_model(const Json& json, PipelineParts& parts) {
  const std::string_view type = model_type(json);
  parts.description = std::string(type);
  if (type == "BPE") return read_bpe(json, parts);
  if (type == "Unigram") return read_unigram(json, parts);
  if (type == "WordPiece" || type == "WordLevel") {
    Vocabulary vocabulary = Vocabulary::from_json(json.at("vocab"));
    parts.model_count = vocabulary.count();
    const std::string unknown(json.at("unk_token").as_string());
    if (type == "WordLevel") return std::make_unique<WordLevel>(std::move(vocabulary), unknown);
    return std::make_unique<WordPiece>(
        std::move(vocabulary),
        WordPieceOptions{
            .unknown = unknown,
            .continuing_prefix = std::string(json.at("continuing_subword_prefix").as_string()),
            .longest_word =
                static_cast<size_t>(json.at("max_input_chars_per_word").as_int(0, INT32_MAX))});
  }
  fail(ErrorCode::unsupported, "{}: model \"{}\"", json, type);
}

void check_special_ids(const PipelineParts& parts, const std::string& name) {
  const Token size = std::max(parts.model->size(), parts.added.last_id() + 1);
  for (const Token id : parts.post_processor.special_tokens()) {
    check(id < size, ErrorCode::bad_data, "{}: post_processor: id {}, expected less than {}", name,
          id, size);
  }
}

}  // namespace

PipelineParts read_tokenizer_json(std::string_view text, const std::string& name) {
  const JsonDocument document = JsonDocument::parse(text, name);
  const Json root = document.root();
  const std::string version = root.get("version", "1.0");
  check(version == "1.0", ErrorCode::unsupported, "{}: version \"{}\", expected \"1.0\"", name,
        version);
  PipelineParts parts;
  if (const auto json = root.find("normalizer")) parts.normalizer = make_normalizer(*json);
  if (const auto json = root.find("pre_tokenizer")) {
    parts.pre_tokenizer = make_pre_tokenizer(*json);
  }
  if (const auto json = root.find("post_processor")) parts.post_processor = PostProcessor(*json);
  if (const auto json = root.find("decoder")) parts.decoder = make_decoder(*json);
  parts.model = read_model(root.at("model"), parts);
  parts.description += " (" + name + ")";
  std::vector<AddedToken> added;
  if (const auto json = root.find("added_tokens")) {
    json->each_element(
        [&](size_t, const Json& token) { added.push_back(read_added_token(token)); });
  }
  parts.added.add(added, *parts.model, parts.model_count, parts.normalizer.get(),
                  name + ": added_tokens");
  check_special_ids(parts, name);
  return parts;
}

}  // namespace transept
