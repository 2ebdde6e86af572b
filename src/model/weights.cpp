#include "model/weights.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "model/balance.h"
#include "model/memory.h"
#include "ops/linear.h"

namespace transept {
namespace {

class Walk {
 public:
  explicit Walk(const Visitor& f) : f_(f) {}

  Side side = Side::decoder;  // of what comes next

  void give(const std::string& name, Weight& w, int rows, int cols, Role role) {
    set(w.side, side);
    f_(name, w, rows, cols, role);
  }

  void vector(const std::string& name, Weight& w, int n) { give(name, w, 1, n, Role::vector); }

  void norm(const std::string& name, const StackConfig& s, Norm& n) {
    set(n.kind, s.norm);
    set(n.eps, s.norm_eps);
    vector(name + ".gain", n.gain, s.d_model);
    if (s.norm == NormKind::layer) vector(name + ".shift", n.shift, s.d_model);
  }

  void linear(const std::string& name, bool bias, Linear& l, int out, int in) {
    give(name + ".weight", l.weight, out, in, Role::product);
    if (bias) vector(name + ".bias", l.bias, out);
  }

  // `from`: the width of what keys and values are made of.
  void attention(const std::string& name, const StackConfig& s, Attention& a, int from) {
    linear(name + ".q", s.bias, a.q, s.inner(), s.d_model);
    linear(name + ".k", s.bias, a.k, s.inner(), from);
    linear(name + ".v", s.bias, a.v, s.inner(), from);
    linear(name + ".o", s.bias, a.o, s.d_model, s.inner());
  }

  void feed_forward(const std::string& name, const StackConfig& s, FeedForward& f) {
    linear(name + ".up", s.bias, f.up, s.d_ff, s.d_model);
    if (s.gate) linear(name + ".gate", s.bias, optional(f.gate), s.d_ff, s.d_model);
    set(f.down.weight.sees_outliers, s.ffn_outliers);
    linear(name + ".down", s.bias, f.down, s.d_model, s.d_ff);
  }

  void layer(const std::string& name, const StackConfig& s, Layer& l) {
    norm(name + ".self_norm", s, l.self_norm);
    attention(name + ".self", s, l.self, s.d_model);
    if (s.cross) {
      norm(name + ".cross_norm", s, l.cross_norm);
      attention(name + ".cross", s, l.cross, s.cross_width);
    }
    norm(name + ".ffn_norm", s, l.ffn_norm);
    feed_forward(name + ".ffn", s, l.ffn);
  }

  // Everything of a stack but its token table.
  void stack(const std::string& name, const StackConfig& s, Stack& w) {
    if (s.positions == Positions::learned) {
      give(name + ".positions", w.positions, s.position_offset + s.max_positions, s.d_model,
           Role::addend);
    }
    if (s.segments > 0) give(name + ".segments", w.segments, s.segments, s.d_model, Role::addend);
    if (s.positions == Positions::relative) {
      give(name + ".relative_bias", w.relative_bias, s.relative_buckets, s.n_heads, Role::addend);
    }
    if (s.embedding_norm) norm(name + ".embedding_norm", s, optional(w.embedding_norm));
    w.layers.resize(static_cast<size_t>(s.layers));
    for (int i = 0; i < s.layers; ++i) {
      layer(fmt::format("{}.{}", name, i), s, w.layers[static_cast<size_t>(i)]);
    }
    if (s.final_norm) norm(name + ".final_norm", s, optional(w.final_norm));
  }

  void tokens(const std::string& name, const StackConfig& s, std::shared_ptr<Weight>& table,
              bool is_output) {
    if (!table) table = std::make_shared<Weight>();
    give(name, *table, s.vocab, s.d_model, is_output ? Role::both : Role::lookup);
  }

  void head(const Config& config, Transformer& m) {
    const StackConfig& s = config.decoder;
    if (config.head.transform) {
      linear("head.transform", true, optional(m.head.transform), s.d_model, s.d_model);
      norm("head.transform_norm", s, optional(m.head.transform_norm));
    }
    if (config.head.tied) {
      m.head.output = m.decoder.tokens;
    } else {
      if (!m.head.output) m.head.output = std::make_shared<Weight>();
      give("head.weight", *m.head.output, s.vocab, s.d_model, Role::product);
    }
    if (config.head.bias) vector("head.bias", m.head.bias, s.vocab);
  }

  template <class T>
  static T& optional(std::optional<T>& value) {
    if (!value) value.emplace();
    return *value;
  }

  // A loaded model knows it all, and many threads may walk over it.
  template <class T>
  static void set(T& known, T value) {
    if (known != value) known = value;
  }

 private:
  const Visitor& f_;
};

}  // namespace

void visit(Transformer& m, const Visitor& f) {
  const Config& config = m.config;
  Walk walk(f);
  const bool output = config.head.present && config.head.tied;
  if (config.shared_embeddings) {
    walk.side = Side::both;
    walk.tokens("tokens", config.decoder, m.decoder.tokens, output);
    m.encoder.tokens = m.decoder.tokens;
  } else {
    walk.side = Side::encoder;
    if (config.has_encoder())
      walk.tokens("encoder.tokens", config.encoder, m.encoder.tokens, false);
    walk.side = Side::decoder;
    if (config.has_decoder())
      walk.tokens("decoder.tokens", config.decoder, m.decoder.tokens, output);
  }
  walk.side = Side::encoder;
  if (config.has_encoder()) walk.stack("encoder", config.encoder, m.encoder);
  walk.side = Side::decoder;
  if (config.bridge > 0) {
    walk.linear("bridge", true, Walk::optional(m.bridge), config.bridge, config.encoder.d_model);
  }
  if (config.has_decoder()) walk.stack("decoder", config.decoder, m.decoder);
  if (config.head.present) walk.head(config, m);
}

void visit(const Transformer& model, const std::function<void(const Weight&, Role)>& f) {
  // The walk creates parts only where they are missing, and a loaded model has them all.
  visit(const_cast<Transformer&>(model),
        [&](const std::string&, Weight& weight, int, int, Role role) { f(weight, role); });
}

Storage storage_of(const Transformer& model) {
  Storage storage = Storage::f32;
  visit(model, [&](const Weight& weight, Role) {
    if (is_quantized(weight.storage) || storage == Storage::f32) storage = weight.storage;
  });
  return storage;
}

namespace {

// What a model computes with, as its fingerprint sees it: the panels, or the values where those are
// as stored.
class Fingerprint {
 public:
  explicit Fingerprint(const Config& config) { hasher_.add(describe(config)); }

  void add(const Weight& weight) {
    const bool in_panels = weight.storage != Storage::f32;
    const char* form = in_panels ? name_of(weight.storage) : name_of(weight.dtype);
    hasher_.add(fmt::format("{} {} {}x{}", weight.name, form, weight.rows, weight.cols));
    if (in_panels) {
      hasher_.add(weight.packed.data(), weight.packed.size());
    } else {
      hasher_.add(weight.values, weight.size() * size_of(weight.dtype));
    }
  }
  [[nodiscard]] std::string text() const { return hasher_.hex(); }

 private:
  Hasher hasher_;
};

// Later, when it is asked for, of values that are kept and may change until then.
std::shared_ptr<const ModelIdentity> identity_of_kept(Transformer& model) {
  auto all = std::make_shared<std::vector<Weight>>();
  visit(model, [&](const std::string&, Weight& weight, int, int, Role) {
    Weight& kept = all->emplace_back();
    kept.name = weight.name;
    kept.rows = weight.rows;
    kept.cols = weight.cols;
    kept.dtype = weight.dtype;
    kept.values = weight.values;
    kept.owner = weight.owner;
  });
  return std::make_shared<ModelIdentity>([all, config = model.config] {
    Fingerprint fingerprint(config);
    for (const Weight& weight : *all) fingerprint.add(weight);
    return fingerprint.text();
  });
}

}  // namespace

void finish(Transformer& model, ThreadPool& pool, const KernelTable& kernels,
            const WeightSource& source) {
  balance_output(model, pool, source.load);
  const bool is_f32 = storage_of(model) == Storage::f32;
  const bool are_kept = is_f32 && !source.load;
  Fingerprint fingerprint(model.config);
  visit(model, [&](const std::string&, Weight& weight, int, int, Role role) {
    weight.fine = is_quantized(weight.storage) && weight.sees_outliers;
    const bool in_panels = weight.storage != Storage::f32;
    const bool is_multiplied = role == Role::product || role == Role::both;
    if (source.load) source.load(weight);
    const bool packs = weight.values != nullptr && (is_multiplied || in_panels);
    if (packs) pack(weight, pool, kernels);
    if (!are_kept) fingerprint.add(weight);
    if (packs && source.packed) source.packed(weight);
    if (packs && source.load) {
      weight.values = nullptr;
      weight.owner = nullptr;
    }
  });
  if (model.config.head.present) {
    model.head.screens = std::make_shared<ScreenMaker>();
    model.head.subsets = std::make_shared<SubsetMaker>();
  }
  model.identity =
      are_kept ? identity_of_kept(model)
               : std::make_shared<ModelIdentity>([text = fingerprint.text()] { return text; });
  model.config.decoder.keys = is_f32 ? Storage::f32 : Storage::bf16;
}

}  // namespace transept
