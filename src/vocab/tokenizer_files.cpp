#include "vocab/tokenizer_files.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "text/base64.h"
#include "text/spm_normalizer.h"
#include "text/spm_proto.h"

namespace transept {
namespace {

struct Mark {
  std::string_view content;
  int id;
};

std::vector<Mark> marks_by_id(const MarkIds& marks) {
  std::vector<Mark> all = {
      {kBos, marks.bos}, {kPad, marks.pad}, {kEos, marks.eos}, {kUnk, marks.unk}};
  std::erase_if(all, [](const Mark& mark) { return mark.id < 0; });
  std::sort(all.begin(), all.end(), [](const Mark& a, const Mark& b) { return a.id < b.id; });
  return all;
}

void write_added(JsonWriter& w, std::string_view content, int id, bool special) {
  w.begin_object().member("id", id).member("content", content).member("single_word", false);
  w.member("lstrip", false).member("rstrip", false).member("normalized", false);
  w.member("special", special).end_object();
}

void write_post_processor(JsonWriter& w, const MarkIds& marks) {
  const auto mark = [&](std::string_view content) {
    w.begin_object().key("SpecialToken").begin_object();
    w.member("id", content).member("type_id", 0).end_object().end_object();
  };
  const auto sequence = [&](const char* name) {
    w.begin_object().key("Sequence").begin_object();
    w.member("id", name).member("type_id", 0).end_object().end_object();
  };
  const auto once = [&](const char* name) {
    if (marks.bos >= 0) mark(kBos);
    sequence(name);
    mark(kEos);
  };
  w.key("post_processor").begin_object().member("type", "TemplateProcessing");
  w.key("single").begin_array();
  once("A");
  w.end_array().key("pair").begin_array();
  once("A");
  once("B");
  w.end_array().key("special_tokens").begin_object();
  for (const Mark& one : marks_by_id(marks)) {
    if (one.content != kBos && one.content != kEos) continue;
    w.key(one.content).begin_object().member("id", one.content);
    w.key("ids").begin_array().value(one.id).end_array();
    w.key("tokens").begin_array().value(one.content).end_array().end_object();
  }
  w.end_object().end_object();
}

// The parts before the model. `find` gives the id of a symbol.
template <class Find>
void write_head(JsonWriter& w, const MarkIds& marks, const std::vector<std::string>& symbols,
                Find&& find) {
  w.begin_object().member("version", "1.0").key("truncation").null().key("padding").null();
  std::vector<std::tuple<int, std::string_view, bool>> added;
  for (const Mark& mark : marks_by_id(marks)) added.emplace_back(mark.id, mark.content, true);
  for (const std::string& symbol : symbols) added.emplace_back(find(symbol), symbol, false);
  std::sort(added.begin(), added.end());
  w.key("added_tokens").begin_array();
  for (const auto& [id, content, special] : added) write_added(w, content, id, special);
  w.end_array();
}

void write_replace(JsonWriter& w, const char* kind, std::string_view pattern,
                   std::string_view content) {
  w.begin_object().member("type", "Replace").key("pattern").begin_object();
  w.member(kind, pattern).end_object().member("content", content).end_object();
}

// As SentencePiece cleans a text: its table of characters, no spaces at the ends, single ones
// inside, each written as U+2581, with one in front.
void write_spm_normalizer(JsonWriter& w, std::string_view charsmap) {
  w.key("normalizer").begin_object().member("type", "Sequence").key("normalizers").begin_array();
  if (!charsmap.empty()) {
    w.begin_object().member("type", "Precompiled");
    w.member("precompiled_charsmap", encode_base64(charsmap)).end_object();
  }
  w.begin_object().member("type", "Strip").member("strip_left", true);
  w.member("strip_right", true).end_object();
  write_replace(w, "Regex", " {2,}", " ");
  w.end_array().end_object().key("pre_tokenizer").begin_object().member("type", "Metaspace");
  w.member("replacement", kSpaceSymbol).member("prepend_scheme", "always").member("split", true);
  w.end_object();
}

void write_spm_decoder(JsonWriter& w, bool byte_fallback) {
  w.key("decoder").begin_object().member("type", "Sequence").key("decoders").begin_array();
  write_replace(w, "String", kSpaceSymbol, " ");
  if (byte_fallback) w.begin_object().member("type", "ByteFallback").end_object();
  w.begin_object().member("type", "Fuse").end_object();
  w.begin_object().member("type", "Strip").member("content", " ").member("start", 1);
  w.member("stop", 0).end_object().end_array().end_object();
}

void write_unigram(JsonWriter& w, const SpmProto& spm, const MarkIds& marks) {
  w.key("model").begin_object().member("type", "Unigram").member("unk_id", marks.unk);
  w.key("vocab").begin_array();
  for (const SpmProto::SentencePiece& piece : spm.pieces)
    w.begin_array().value(piece.text).value(double{piece.score}).end_array();
  w.end_array().member("byte_fallback", spm.byte_fallback).end_object();
}

// Every way to make a piece of two others is a merge; better scores were learned earlier.
std::vector<std::pair<std::string_view, std::string_view>> merges(const SpmProto& spm) {
  std::unordered_map<std::string_view, size_t> normal;
  for (size_t i = 0; i < spm.pieces.size(); ++i)
    if (spm.pieces[i].type == SpmProto::Type::normal) normal.emplace(spm.pieces[i].text, i);
  using Ranked = std::tuple<float, size_t, std::string_view, std::string_view>;
  std::vector<Ranked> ranked;
  for (const auto& [text, id] : normal) {
    for (size_t cut = 1; cut < text.size(); ++cut) {
      const std::string_view left = text.substr(0, cut);
      const std::string_view right = text.substr(cut);
      if (normal.contains(left) && normal.contains(right))
        ranked.emplace_back(-spm.pieces[id].score, id, left, right);
    }
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::pair<std::string_view, std::string_view>> all;
  all.reserve(ranked.size());
  for (const auto& [score, id, left, right] : ranked) all.emplace_back(left, right);
  return all;
}

void write_bpe(JsonWriter& w, const SpmProto& spm) {
  w.key("model").begin_object().member("type", "BPE").key("dropout").null();
  w.member("unk_token", kUnk).key("continuing_subword_prefix").null();
  w.key("end_of_word_suffix").null().member("fuse_unk", true);
  w.member("byte_fallback", spm.byte_fallback).member("ignore_merges", false);
  w.key("vocab").begin_object();
  for (size_t i = 0; i < spm.pieces.size(); ++i) w.member(spm.pieces[i].text, i);
  w.end_object().key("merges").begin_array();
  for (const auto& [left, right] : merges(spm))
    w.begin_array().value(left).value(right).end_array();
  w.end_array().end_object();
}

}  // namespace

std::string tokenizer_json(const TokenList& list, const MarkIds& marks,
                           const std::vector<std::string>& symbols) {
  JsonWriter w;
  write_head(w, marks, symbols, [&](const std::string& symbol) {
    const auto found = std::find(list.tokens.begin(), list.tokens.end(), symbol);
    return static_cast<int>(found - list.tokens.begin());
  });
  w.key("normalizer").null().key("pre_tokenizer").begin_object();
  if (list.pattern.empty()) {
    w.member("type", "WhitespaceSplit").end_object();
  } else {
    w.member("type", "Split").key("pattern").begin_object().member("Regex", list.pattern);
    w.end_object().member("behavior", "Removed").member("invert", true).end_object();
  }
  write_post_processor(w, marks);
  w.key("decoder");
  if (list.is_joined) {
    w.begin_object().member("type", "Fuse").end_object();
  } else {
    w.null();
  }
  w.key("model").begin_object().member("type", "WordLevel").key("vocab").begin_object();
  for (size_t i = 0; i < list.tokens.size(); ++i) w.member(list.tokens[i], i);
  w.end_object().member("unk_token", kUnk).end_object();
  return w.end_object().take();
}

std::string tokenizer_json(std::string_view model, const MarkIds& marks,
                           const std::vector<std::string>& symbols) {
  const SpmProto spm = read_spm_proto(model, "the model just trained");
  JsonWriter w;
  write_head(w, marks, symbols, [&](const std::string& symbol) {
    const auto found =
        std::find_if(spm.pieces.begin(), spm.pieces.end(),
                     [&](const SpmProto::SentencePiece& piece) { return piece.text == symbol; });
    return static_cast<int>(found - spm.pieces.begin());
  });
  write_spm_normalizer(w, spm.normalizer.charsmap);
  write_post_processor(w, marks);
  write_spm_decoder(w, spm.byte_fallback);
  if (spm.algorithm == SpmProto::Algorithm::bpe) {
    write_bpe(w, spm);
  } else {
    write_unigram(w, spm, marks);
  }
  return w.end_object().take();
}

namespace {

void write_mark_names(JsonWriter& w, const MarkIds& marks) {
  if (marks.bos >= 0) w.member("bos_token", kBos);
  w.member("eos_token", kEos).member("pad_token", kPad).member("unk_token", kUnk);
}

}  // namespace

std::string tokenizer_config_json(const MarkIds& marks) {
  JsonWriter w;
  w.begin_object().member("tokenizer_class", "PreTrainedTokenizerFast");
  write_mark_names(w, marks);
  w.member("clean_up_tokenization_spaces", false).key("model_input_names").begin_array();
  w.value("input_ids").value("attention_mask").end_array();
  return w.end_object().take();
}

std::string special_tokens_json(const MarkIds& marks) {
  JsonWriter w;
  w.begin_object();
  write_mark_names(w, marks);
  return w.end_object().take();
}

std::string marian_vocab_json(std::string_view model) {
  const SpmProto spm = read_spm_proto(model, "the model just trained");
  JsonWriter w;
  w.begin_object();
  for (size_t i = 0; i < spm.pieces.size(); ++i) w.member(spm.pieces[i].text, i);
  return w.member(kPad, spm.pieces.size()).end_object().take();
}

std::string marian_config_json() {
  JsonWriter w;
  w.begin_object().member("tokenizer_class", "MarianTokenizer");
  write_mark_names(w, {});
  w.member("separate_vocabs", false).member("clean_up_tokenization_spaces", false);
  return w.end_object().take();
}

}  // namespace transept
