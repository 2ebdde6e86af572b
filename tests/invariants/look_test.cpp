// Looking inside changes nothing and says what is so: value norms by their definition, the beam
// tree against the search itself.
#include <cmath>

#include "generate/generate.h"
#include "support/golden.h"
#include "trace/beam_tree.h"
#include "trace/value_norms.h"

namespace transept::testing {
namespace {

Memory memory_of(Rig& rig, const std::vector<Token>& ids) {
  Context c = rig.context();
  return encode_memories(c, rig.model, std::vector<std::vector<Token>>{ids})[0];
}

double at(const Weight& w, int row, int col) {
  return static_cast<double>(
      w.f32()[static_cast<size_t>(row) * static_cast<size_t>(w.cols) + static_cast<size_t>(col)]);
}

// |W_o v| of one row and head with plain loops in double.
double norm_by_definition(const Attention& w, ConstTensor hidden, int row, int head, int d_head) {
  std::vector<double> v;
  for (int i = head * d_head; i < (head + 1) * d_head; ++i) {
    double sum = w.v.bias.empty() ? 0 : at(w.v.bias, 0, i);
    for (int k = 0; k < hidden.cols; ++k)
      sum += at(w.v.weight, i, k) * static_cast<double>(hidden.row(row)[k]);
    v.push_back(sum);
  }
  double square = 0;
  for (int o = 0; o < w.o.weight.rows; ++o) {
    double sum = 0;
    for (int i = 0; i < d_head; ++i)
      sum += at(w.o.weight, o, head * d_head + i) * v[static_cast<size_t>(i)];
    square += sum * sum;
  }
  return std::sqrt(square);
}

TEST(Look, ValueNormsAreWhatARowCanSayThroughAHead) {
  for (const char* name : {"marian", "t5-v1_1", "bart"}) {  // with biases and without
    Rig rig(name);
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
          const double want = norm_by_definition(layer.cross, memory.hidden(), row, head, d_head);
          EXPECT_NEAR(norms[i], want, 1e-4 * want + 1e-6) << name;
        }
      }
    }
  }
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
