#include "text/vocab_files.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/error.h"
#include "base/stand_in.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/wordpiece.h"

namespace transept {
namespace {

using Defaults = std::vector<std::pair<std::string, std::string>>;  // "eos_token" -> its text

// Calls f(index, line) for every line, without its end.
template <class F>
void each_line(std::string_view text, F&& f) {
  for (size_t index = 0; !text.empty(); ++index) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (end < text.size() && line.ends_with('\r')) line.remove_suffix(1);
    f(index, line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view without_space_at_end(std::string_view text) {
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!has(decode_utf8(text, begin).value, kWhite)) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

void check_utf8(std::string_view text, const std::string& name) {
  const size_t bad = find_invalid_utf8(text);
  check(bad == std::string_view::npos, ErrorCode::bad_data, "{}: not valid UTF-8 at byte {}", name,
        bad);
}

// The special tokens that the reference adds: those of the folder, else the family's own.
std::vector<AddedToken> special_tokens(const FolderConfig& config, const Defaults& defaults) {
  std::vector<AddedToken> all = config.added;
  const auto is_new = [&](const AddedToken& token) {
    return std::none_of(all.begin(), all.end(),
                        [&](const AddedToken& a) { return a.content == token.content; });
  };
  for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                           "cls_token", "mask_token"}) {
    AddedToken token{.content = "", .special = true};
    const auto given = config.named.find(name);
    const auto own = std::find_if(defaults.begin(), defaults.end(),
                                  [&](const auto& entry) { return entry.first == name; });
    if (given != config.named.end()) {
      token = given->second;
    } else if (own != defaults.end()) {
      token.content = own->second;
    }
    if (!token.content.empty() && is_new(token)) all.push_back(token);
  }
  return all;
}

std::string text_of(const FolderConfig& config, const Defaults& defaults, const char* name) {
  const auto given = config.named.find(name);
  if (given != config.named.end()) return given->second.content;
  for (const auto& [known, text] : defaults) {
    if (known == name) return text;
  }
  return "";
}

Token id_of(const PipelineParts& parts, const std::string& text, const std::string& where) {
  const std::optional<Token> added = parts.added.find(text);
  const std::optional<Token> id = added ? added : parts.model->find(text);
  check(id.has_value(), ErrorCode::bad_data, "{}: no token \"{}\" to put around a text", where,
        text);
  return *id;
}

Bpe::Merges read_merges(std::string_view text, const std::string& name) {
  check_utf8(text, name);
  check_not_stand_in(text, name);
  Bpe::Merges merges;
  each_line(text, [&](size_t index, std::string_view line) {
    if (line.starts_with("#version")) return;
    const size_t space = line.find(' ');
    check(space != std::string_view::npos && line.find(' ', space + 1) == std::string_view::npos,
          ErrorCode::bad_data, "{}: line {}: \"{}\", expected two pieces", name, index + 1, line);
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  return merges;
}

bool is_roberta(const FolderConfig& config, const SubwordModel& model) {
  constexpr std::array kClasses{"RobertaTokenizer", "BartTokenizer", "LEDTokenizer",
                                "LongformerTokenizer", "MvpTokenizer"};
  constexpr std::array kTypes{"roberta", "bart", "led", "longformer", "mvp"};
  const auto contains = [](const auto& all, const std::string& name) {
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  if (!config.tokenizer_class.empty()) return contains(kClasses, config.tokenizer_class);
  if (!config.model_type.empty() && config.model_type != "encoder-decoder") {
    return contains(kTypes, config.model_type);
  }
  return model.find("<s>").has_value() && model.find("</s>").has_value();
}

}  // namespace

PipelineParts read_vocab_txt(std::string_view text, const std::string& name,
                             const FolderConfig& config) {
  check_utf8(text, name);
  check_not_stand_in(text, name);
  // A line that is repeated counts where it comes last.
  const auto lines = static_cast<size_t>(std::ranges::count(text, '\n')) + 1;
  check(lines < INT32_MAX, ErrorCode::limit, "{}: too many lines", name);
  std::unordered_map<std::string_view, size_t> places;
  places.reserve(lines);
  std::vector<std::pair<std::string, Token>> pieces;
  each_line(text, [&](size_t index, std::string_view line) {
    const std::string_view piece = without_space_at_end(line);
    const auto [place, is_new] = places.try_emplace(piece, pieces.size());
    if (is_new) pieces.emplace_back(piece, 0);
    pieces[place->second].second = static_cast<Token>(index);
  });
  check(!pieces.empty(), ErrorCode::bad_data, "{}: no lines", name);
  const Defaults defaults{{"unk_token", "[UNK]"},
                          {"sep_token", "[SEP]"},
                          {"pad_token", "[PAD]"},
                          {"cls_token", "[CLS]"},
                          {"mask_token", "[MASK]"}};
  PipelineParts parts;
  const bool lower = config.lowercase.value_or(true);
  parts.normalizer =
      make_bert_normalizer({.clean_text = true,
                            .handle_chinese_chars = config.chinese_chars.value_or(true),
                            .strip_accents = config.strip_accents.value_or(lower),
                            .lowercase = lower});
  parts.pre_tokenizer = make_bert_pre_tokenizer();
  parts.model_count = static_cast<int>(pieces.size());
  parts.model = std::make_unique<WordPiece>(
      Vocabulary(pieces, name),
      WordPieceOptions{.unknown = text_of(config, defaults, "unk_token")});
  parts.decoder = make_wordpiece_decoder("##", true);
  parts.added.add(special_tokens(config, defaults), *parts.model, parts.model_count,
                  parts.normalizer.get(), name);
  const Token cls = id_of(parts, text_of(config, defaults, "cls_token"), name);
  const Token sep = id_of(parts, text_of(config, defaults, "sep_token"), name);
  parts.post_processor = PostProcessor::around({cls}, {sep});
  parts.description = "WordPiece (" + name + ")";
  return parts;
}

PipelineParts read_vocab_merges(std::string_view vocab, std::string_view merges,
                                const std::string& folder, const FolderConfig& config) {
  PipelineParts parts;
  const JsonDocument document = JsonDocument::parse(vocab, folder + "/vocab.json");
  Vocabulary vocabulary = Vocabulary::from_json(document.root());
  parts.model_count = vocabulary.count();
  const std::string name = folder + "/merges.txt";
  auto bpe =
      std::make_unique<Bpe>(std::move(vocabulary), read_merges(merges, name), BpeOptions{}, name);
  const bool prefix_space = config.add_prefix_space.value_or(false);
  parts.pre_tokenizer = make_byte_level(prefix_space, true);
  if (bpe->use_raw_bytes()) parts.pre_tokenizer->leave_raw_bytes();
  parts.model = std::move(bpe);
  parts.decoder = make_byte_level_decoder();
  const bool roberta = is_roberta(config, *parts.model);
  const Defaults defaults =
      roberta ? Defaults{{"bos_token", "<s>"},    {"eos_token", "</s>"},  {"unk_token", "<unk>"},
                         {"sep_token", "</s>"},   {"pad_token", "<pad>"}, {"cls_token", "<s>"},
                         {"mask_token", "<mask>"}}
              : Defaults{{"bos_token", "<|endoftext|>"},
                         {"eos_token", "<|endoftext|>"},
                         {"unk_token", "<|endoftext|>"}};
  parts.added.add(special_tokens(config, defaults), *parts.model, parts.model_count, nullptr,
                  folder);
  const auto mark = [&](const char* which) {
    return id_of(parts, text_of(config, defaults, which), folder);
  };
  if (roberta) {
    parts.post_processor = PostProcessor::around({mark("cls_token")}, {mark("sep_token")});
    if (config.trim_offsets.value_or(true)) parts.post_processor.trim_offsets(prefix_space);
  } else {
    std::vector<Token> before;
    std::vector<Token> after;
    if (config.add_bos) before.push_back(mark("bos_token"));
    if (config.add_eos) after.push_back(mark("eos_token"));
    parts.post_processor = PostProcessor::around(before, after);
  }
  parts.description = "byte-level BPE (" + folder + "/vocab.json, merges.txt)";
  return parts;
}

}  // namespace transept
