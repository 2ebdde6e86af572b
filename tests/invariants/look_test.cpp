// Looking inside changes nothing and says what is so: value norms by their definition, the beam
// tree against the search itself.
#include <cmath>
#include <filesystem>

#include "generate/generate.h"
#include "ops/linear.h"
#include "support/golden.h"
#include "trace/beam_tree.h"
#include "trace/value_norms.h"

namespace transept::testing {
namespace {

Memory memory_of(Rig& rig, const std::vector<Token>& ids) {
  Context c = rig.context();
  return encode_memories(c, rig.model, std::vector<std::vector<Token>>{ids})[0];
}

using Row = std::vector<double>;

// A row of a matrix or a vector, which loading may have packed.
Row row_of(const Weight& w, int row) {
  std::vector<float> all(w.size());
  copy_values(w, all.data());
  const float* from = all.data() + static_cast<size_t>(row) * static_cast<size_t>(w.cols);
  return {from, from + w.cols};
}

// Output i of a linear, with plain loops in double.
double output(const Linear& l, const Row& x, int i) {
  double sum = l.bias.empty() ? 0 : row_of(l.bias, 0)[static_cast<size_t>(i)];
  const Row weights = row_of(l.weight, i);
  for (size_t k = 0; k < x.size(); ++k) sum += weights[k] * x[k];
  return sum;
}

// A row of the memory as cross-attention reads it: behind the bridge, where there is one.
Row source_row(const Transformer& model, ConstTensor hidden, int row) {
  const Row x(hidden.row(row), hidden.row(row) + hidden.cols);
  if (!model.bridge) return x;
  Row y;
  for (int i = 0; i < model.bridge->weight.rows; ++i) y.push_back(output(*model.bridge, x, i));
  return y;
}

// |W_o v| of one row and head.
double norm_by_definition(const Attention& w, const Row& row, int head, int d_head) {
  Row v;
  for (int i = head * d_head; i < (head + 1) * d_head; ++i) v.push_back(output(w.v, row, i));
  double square = 0;
  for (int o = 0; o < w.o.weight.rows; ++o) {
    const Row weights = row_of(w.o.weight, o);
    double sum = 0;
    for (int i = 0; i < d_head; ++i)
      sum += weights[static_cast<size_t>(head * d_head + i)] * v[static_cast<size_t>(i)];
    square += sum * sum;
  }
  return std::sqrt(square);
}

TEST(Look, ValueNormsAreWhatARowCanSayThroughAHead) {
  int tried = 0;
  for (const auto& folder : std::filesystem::directory_iterator(TRANSEPT_FIXTURES "/models")) {
    if (!folder.is_directory()) continue;
    const std::string name = folder.path().filename().string();
    Rig rig(name);
    if (!rig.model.config.has_encoder() || !rig.model.config.decoder.cross) continue;
    ++tried;
    const Memory memory = memory_of(rig, {5, 8, 13, 1});
    Context c = rig.context();
    const std::vector<float> norms = cross_value_norms(c, rig.model, memory);
    const StackConfig& stack = rig.model.config.decoder;
    ASSERT_EQ(norms.size(), static_cast<size_t>(stack.layers * stack.n_heads * memory.rows()));
    size_t i = 0;
    for (const Layer& layer : rig.model.decoder.layers) {
      const int d_head = layer.cross.v.weight.rows / stack.n_heads;
      for (int head = 0; head < stack.n_heads; ++head) {
        for (int row = 0; row < memory.rows(); ++row, ++i) {
          const Row source = source_row(rig.model, memory.hidden(), row);
          const double want = norm_by_definition(layer.cross, source, head, d_head);
          EXPECT_NEAR(norms[i], want, 1e-4 * want + 1e-6) << name;
        }
      }
    }
  }
  EXPECT_GE(tried, 20);
}

TEST(Look, TheBeamTreeIsTheSearchItself) {
  for (const char* name : {"marian", "t5-v1_1", "tiny-t5-text"}) {
    Rig rig(name);
    const Memory memory = memory_of(rig, {5, 8, 13, 1});
    GenerateOptions search =
        options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
    search.beams = 3;
    search.n_best = 3;
    search.max_new_tokens = 8;
    search.forced_eos.clear();  // its score is not its log-probability
    Context c = rig.context();
    const std::vector<Hypothesis> want = generate(c, rig.model, memory, {}, search);
    const BeamTree tree = trace_beams(c, rig.model, memory, search, {});
    ASSERT_EQ(tree.hypotheses.size(), want.size()) << name;
    bool dropped = false;
    for (size_t h = 0; h < want.size(); ++h) {
      EXPECT_EQ(tree.hypotheses[h].ids, want[h].ids) << name;
      EXPECT_EQ(tree.hypotheses[h].score, want[h].score) << name;
      ASSERT_EQ(tree.paths[h].size(), want[h].ids.size()) << name;
      float sum = 0;
      int parent = -1;
      for (const int index : tree.paths[h]) {
        const BeamTree::Node& node = tree.nodes[static_cast<size_t>(index)];
        EXPECT_EQ(node.parent, parent);
        parent = index;
        sum = node.logprob + sum;
        EXPECT_NEAR(node.score, sum, 1e-4);
      }
      EXPECT_EQ(tree.nodes[static_cast<size_t>(parent)].fate, BeamSession::Fate::ended);
    }
    for (const BeamTree::Node& node : tree.nodes)
      dropped = dropped || node.fate == BeamSession::Fate::dropped;
    EXPECT_TRUE(dropped) << name;
  }
}

}  // namespace
}  // namespace transept::testing
