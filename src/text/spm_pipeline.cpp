#include "text/spm_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/base64.h"
#include "text/language_codes.h"
#include "text/spm_proto.h"
#include "text/tagged_tokenizer.h"
#include "text/tokenizer_json.h"

namespace transept {
namespace {

using Scored = std::pair<std::string, double>;

enum class Family { t5, pegasus, mbart, mbart50, nllb };

std::optional<Family> family_of(std::string_view tokenizer_class) {
  if (tokenizer_class == "T5Tokenizer") return Family::t5;
  if (tokenizer_class == "PegasusTokenizer") return Family::pegasus;
  if (tokenizer_class == "MBartTokenizer") return Family::mbart;
  if (tokenizer_class == "MBart50Tokenizer") return Family::mbart50;
  if (tokenizer_class == "NllbTokenizer") return Family::nllb;
  return std::nullopt;
}

std::vector<std::string> languages_of(Family family) {
  if (family == Family::mbart) return mbart_languages();
  if (family == Family::mbart50) return mbart50_languages();
  return {};
}

// Writes the tokenizer.json of one family.
class PipelineWriter {
 public:
  PipelineWriter(Family family, const SpmProto& proto, const FamilyConfig& config)
      : family_(family), proto_(proto), config_(config) {
    name_tokens();
    number_pieces();
    for (size_t id = 0; id < pieces_.size(); ++id) {
      ids_.try_emplace(pieces_[id].first, static_cast<Token>(id));
    }
    list_added();
  }

  std::string write() {
    out_.begin_object().member("version", "1.0");
    write_added();
    write_normalizer();
    write_pre_tokenizer();
    out_.key("post_processor").null();
    out_.key("decoder");
    write_metaspace();
    write_model();
    out_.end_object();
    return out_.take();
  }

 private:
  static constexpr int kMaxExtra = 1 << 16;

  [[nodiscard]] std::string name(std::string_view attribute) const {
    const auto found = named_.find(attribute);
    return found == named_.end() ? "" : found->second.content;
  }

  void name_tokens() {
    const bool is_fairseq = family_ >= Family::mbart;
    const auto own = [&](std::string_view attribute) -> std::optional<std::string_view> {
      if (attribute == "eos_token") return "</s>";
      if (attribute == "unk_token") return "<unk>";
      if (attribute == "pad_token") return "<pad>";
      if (attribute == "mask_token" && is_fairseq) return "<mask>";
      if (attribute == "mask_token" && family_ == Family::pegasus) return "<mask_2>";
      if (!is_fairseq) return std::nullopt;
      if (attribute == "sep_token") return "</s>";
      if (attribute == "bos_token" && family_ == Family::mbart50) return std::nullopt;
      return "<s>";  // bos, cls
    };
    for (const std::string_view attribute : kSpecialAttributes) {
      AddedToken flags;
      flags.special = true;
      if (attribute == "mask_token" && is_fairseq) {
        flags.lstrip = true;
        flags.normalized = family_ == Family::nllb;
      }
      if (auto token = config_.named(attribute, own(attribute), flags)) {
        token->special = true;
        named_.emplace(attribute, *token);
      }
    }
  }

  void add_fairseq_pieces() {
    pieces_ = {{name(family_ == Family::mbart50 ? "cls_token" : "bos_token"), 0.0},
               {name("pad_token"), 0.0},
               {name("eos_token"), 0.0},
               {name("unk_token"), 0.0}};
    for (size_t i = 3; i < proto_.pieces.size(); ++i) add_piece(i);
    for (const std::string& code : languages_of(family_)) pieces_.emplace_back(code, 0.0);
    pieces_.emplace_back(name("mask_token"), 0.0);
  }

  void add_piece(size_t id) {
    pieces_.emplace_back(proto_.pieces[id].text, static_cast<double>(proto_.pieces[id].score));
  }

  void number_pieces() {
    if (family_ == Family::t5) {
      for (size_t i = 0; i < proto_.pieces.size(); ++i) add_piece(i);
      for (int i = n_extra(); i-- > 0;) pieces_.emplace_back(fmt::format("<extra_id_{}>", i), 0.0);
    } else if (family_ == Family::pegasus) {
      pieces_ = {{name("pad_token"), 0.0}, {name("eos_token"), 0.0}};
      // Without these settings the converter's order is the opposite of the class's names.
      const auto mask = config_.named("mask_token", "<mask_1>");
      const std::string sentence = config_.text("mask_token_sent", "<mask_2>");
      if (mask) pieces_.emplace_back(mask->content, 0.0);
      const bool has_sentence = !config_.is_null("mask_token_sent");
      if (has_sentence && (!mask || sentence != mask->content)) pieces_.emplace_back(sentence, 0.0);
      for (int i = 2; i < offset(); ++i) pieces_.emplace_back(fmt::format("<unk_{}>", i), -100.0);
      for (size_t i = 2; i < proto_.pieces.size(); ++i) add_piece(i);
    } else if (family_ == Family::nllb) {
      for (const char* attribute : {"bos_token", "pad_token", "eos_token", "unk_token"}) {
        pieces_.emplace_back(name(attribute), 0.0);
      }
      const std::vector<Scored> first = pieces_;
      for (const auto& piece : proto_.pieces) {
        const bool is_first = std::any_of(first.begin(), first.end(), [&](const Scored& known) {
          return known.first == piece.text;
        });
        if (!is_first) pieces_.emplace_back(piece.text, 0.0);
      }
    } else {
      add_fairseq_pieces();
    }
  }

  [[nodiscard]] int n_extra() const { return config_.number("extra_ids", 100, 0, kMaxExtra); }
  [[nodiscard]] int offset() const { return config_.number("offset", 103, 0, kMaxExtra); }

  // The class's extra tokens: those of the files, or control and user-defined pieces and its own.
  [[nodiscard]] std::vector<AddedToken> extra_tokens() const {
    std::vector<AddedToken> extra = config_.extra();
    const auto add = [&](std::string text) {
      extra.push_back({.content = std::move(text), .special = true});
    };
    const std::vector<std::string> languages = languages_of(family_);
    const bool is_given = !extra.empty();
    if (!is_given && family_ == Family::mbart)
      std::for_each(languages.begin(), languages.end(), add);
    if (!is_given && family_ == Family::pegasus) {
      if (!config_.is_null("mask_token_sent")) add(config_.text("mask_token_sent", "<mask_1>"));
      for (int i = 2; i < offset(); ++i) add(fmt::format("<unk_{}>", i));
    } else if (!is_given) {
      for (const auto& piece : proto_.pieces) {
        const bool is_control = piece.type == SpmProto::Type::control;
        if (is_control || piece.type == SpmProto::Type::user_defined) {
          add(std::string(piece.text));
          extra.back().special = is_control;
        }
      }
    }
    if (!is_given && family_ == Family::t5) {
      for (int i = 0; i < n_extra(); ++i) add(fmt::format("<extra_id_{}>", i));
    }
    if (family_ == Family::mbart50) std::for_each(languages.begin(), languages.end(), add);
    return extra;
  }

  void list_added() {
    auto next = static_cast<Token>(pieces_.size());
    std::unordered_map<std::string, Token> listed;  // the ids in added_, by content
    const auto add = [&](const AddedToken& token) {
      if (token.content.empty()) return;
      const auto known = listed.find(token.content);
      if (known != listed.end()) {
        added_[known->second] = token;  // the last one's flags count
        return;
      }
      const auto found = ids_.find(token.content);
      const Token id = found == ids_.end() ? next++ : found->second;
      if (const auto old = added_.find(id); old != added_.end()) listed.erase(old->second.content);
      added_.insert_or_assign(id, token);
      listed.emplace(token.content, id);
    };
    for (const auto& [id, token] : config_.added()) add(token);
    for (const std::string_view attribute : kSpecialAttributes) {
      if (const auto named = named_.find(attribute); named != named_.end()) add(named->second);
    }
    for (const AddedToken& token : extra_tokens()) add(token);
  }

  void write_added() {
    out_.key("added_tokens").begin_array();
    for (const auto& [id, token] : added_) {
      out_.begin_object()
          .member("id", int64_t{id})
          .member("content", token.content)
          .member("single_word", token.single_word)
          .member("lstrip", token.lstrip)
          .member("rstrip", token.rstrip)
          .member("normalized", token.normalized)
          .member("special", token.special)
          .end_object();
    }
    out_.end_array();
  }

  void write_replace(std::string_view pattern) {
    out_.begin_object().member("type", "Replace").key("pattern").begin_object();
    out_.member("Regex", std::string(pattern)).end_object().member("content", " ").end_object();
  }

  void write_normalizer() {
    const std::string_view charsmap = proto_.normalizer.charsmap;
    out_.key("normalizer");
    if (family_ == Family::mbart || (family_ == Family::t5 && charsmap.empty())) {
      out_.null();
      return;
    }
    if (family_ == Family::nllb && charsmap.empty()) {
      out_.null();
      return;
    }
    out_.begin_object().member("type", "Sequence").key("normalizers").begin_array();
    if (!charsmap.empty()) {
      out_.begin_object().member("type", "Precompiled");
      out_.member("precompiled_charsmap", encode_base64(charsmap)).end_object();
    } else if (family_ == Family::pegasus) {
      write_replace("\n");
    }
    if (family_ != Family::t5) write_replace(" {2,}");
    out_.end_array().end_object();
  }

  void write_metaspace() {
    out_.begin_object()
        .member("type", "Metaspace")
        .member("replacement", "▁")
        .member("prepend_scheme", "always")
        .member("split", true)
        .end_object();
  }

  void write_pre_tokenizer() {
    out_.key("pre_tokenizer");
    if (family_ != Family::t5 && family_ != Family::mbart) {
      write_metaspace();
      return;
    }
    out_.begin_object().member("type", "Sequence").key("pretokenizers").begin_array();
    out_.begin_object().member("type", "WhitespaceSplit").end_object();
    write_metaspace();
    out_.end_array().end_object();
  }

  void write_model() {
    out_.key("model").begin_object();
    if (family_ == Family::nllb) {
      write_bpe();
    } else {
      out_.member("type", "Unigram").member("unk_id", int64_t{unk_id()});
      out_.member("byte_fallback", false).key("vocab").begin_array();
      for (const auto& [text, score] : pieces_) {
        out_.begin_array().value(text).value(score).end_array();
      }
      out_.end_array();
    }
    out_.end_object();
  }

  [[nodiscard]] Token unk_id() const {
    if (family_ == Family::t5) return 2;
    if (family_ != Family::pegasus) return 3;
    for (size_t id = 1; id < pieces_.size(); ++id) {
      if (pieces_[id].second == 0 && pieces_[id].first == name("unk_token")) {
        return static_cast<Token>(id);
      }
    }
    fail(ErrorCode::bad_data, "spiece.model: no piece '{}' with score 0", name("unk_token"));
  }

  // Every way to put a piece together from two others, in the order of the .model file.
  void write_bpe() {
    out_.member("type", "BPE").member("unk_token", name("unk_token")).member("fuse_unk", true);
    out_.member("byte_fallback", false).key("vocab").begin_object();
    for (size_t id = 0; id < pieces_.size(); ++id) {
      out_.key(pieces_[id].first).value(static_cast<int64_t>(id));
    }
    out_.end_object().key("merges").begin_array();
    std::unordered_map<std::string_view, bool> known;
    for (const auto& piece : proto_.pieces) known.emplace(piece.text, true);
    for (const auto& piece : proto_.pieces) {
      for (size_t cut = 1; cut < piece.text.size(); ++cut) {
        if ((static_cast<unsigned char>(piece.text[cut]) & 0xc0u) == 0x80u) continue;
        const std::string_view left = piece.text.substr(0, cut);
        const std::string_view right = piece.text.substr(cut);
        if (!known.contains(left) || !known.contains(right)) continue;
        out_.begin_array().value(left).value(right).end_array();
      }
    }
    out_.end_array();
  }

  Family family_;
  const SpmProto& proto_;
  const FamilyConfig& config_;
  JsonWriter out_;
  std::map<std::string, AddedToken, std::less<>> named_;
  std::vector<Scored> pieces_;
  std::unordered_map<std::string, Token> ids_;
  std::map<Token, AddedToken> added_;
};

}  // namespace

bool is_spm_pipeline(std::string_view tokenizer_class) {
  return family_of(tokenizer_class).has_value();
}

std::unique_ptr<Tokenizer> load_spm_pipeline(const std::filesystem::path& model,
                                             const FamilyConfig& config,
                                             const TokenizerOptions& options) {
  const Family family = *family_of(config.tokenizer_class());
  const std::string bytes = read_file(model, kMostVocabularyBytes);
  const SpmProto proto = read_spm_proto(bytes, model.string());
  PipelineParts parts =
      read_tokenizer_json(PipelineWriter(family, proto, config).write(), model.string());
  parts.description = fmt::format("{} ({})", config.tokenizer_class(), model.filename().string());
  // The reference leaves BPE's spaces alone whatever the setting.
  parts.languages = parts.added.languages();
  parts.clean_up_spaces =
      family != Family::nllb && config.flag("clean_up_tokenization_spaces", false);
  TagRules rules;
  rules.end = config.named("eos_token", "</s>").value_or(AddedToken{}).content;
  if (family >= Family::mbart) {
    const char* first = family == Family::nllb ? "eng_Latn" : "en_XX";
    rules.source_language = config.text("src_lang", first);
    rules.target_language = config.text("tgt_lang", rules.source_language.c_str());
    rules.codes = languages_of(family);
    rules.language_last = family == Family::mbart ||
                          (family == Family::nllb && config.flag("legacy_behaviour", false));
  }
  rules.unknown = config.named("unk_token", "<unk>").value_or(AddedToken{}).content;
  return std::make_unique<TaggedTokenizer>(std::make_unique<Pipeline>(std::move(parts)), rules,
                                           options);
}

}  // namespace transept
