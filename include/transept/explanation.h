// The worked example as data: what one input and one prompt become on their way through the model.
// Filled by Model::explain, turned into text, JSON lines or a page by the render functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace transept {

using Token = std::int32_t;

struct Explanation {
  struct Piece {
    Token id = 0;
    std::string text;  // as the vocabulary spells it ("▁for"); the id where there is no tokenizer
  };

  // Attention of one decoder layer and head. Row i belongs to decoder position i; causal, so a row
  // never changes once it is there. Rows sum to 1.
  struct Map {
    int layer = 0;
    int head = 0;
    std::vector<float> weights;  // [positions, keys] row-major; keys: positions (self, 0 above the
                                 // diagonal) or source tokens (cross)
  };

  struct Candidate {
    Piece piece;
    double probability = 0;  // softmax of the logits, before any search option
  };

  struct Step {
    int positions = 0;           // decoder tokens seen so far, start and prompt included
    std::vector<Candidate> top;  // most probable first
    Candidate chosen;            // what is fed back (or ends the text)
    bool finished = false;       // chosen is an end mark
    std::string text;            // the output so far, chosen included
  };

  std::string family;      // "t5", "bart", …
  std::string model;       // name of the folder
  std::string input_text;  // empty where the input was given as ids
  std::string prompt_text;
  std::vector<Piece> source;  // empty for a decoder on its own
  std::vector<Piece> target;  // start, prompt, then what was generated: the decoder's positions
  int n_start = 0;            // leading entries of `target` that the model puts there itself
  int n_prompt = 0;           // entries after them that came from the prompt

  int encoder_layers = 0;
  int decoder_layers = 0;
  int n_heads = 0;            // of the decoder
  int d_model = 0;            // width of the encoder's output (of the decoder, if on its own)
  int encoder_runs = 0;       // 0 when a loaded Memory was used
  std::vector<float> hidden;  // [source, d_model] row-major: the encoder's output

  // What a source row can say through each head, [decoder_layers, n_heads, source]: |W_o v|.
  // Attention times this is value-weighted attention. Empty unless asked for.
  std::vector<float> value_norms;
  std::vector<Map> self;    // every decoder layer and head
  std::vector<Map> cross;   // empty for a decoder on its own
  std::vector<Step> steps;  // empty for an encoder on its own
};

// Which map a reader looks at. -1: for `layer` the last one, for `head` the mean over all heads.
struct ExplanationView {
  int layer = -1;
  int head = -1;
  bool colour =
      false;        // 24-bit terminal colours; shades of characters and numbers are always there
  int width = 100;  // columns of the terminal
};

// STEP 0 … STEP 4 for a terminal; one JSON object per line; one self-contained HTML file. Error
// usage if the view names a layer or head that the model does not have.
[[nodiscard]] std::string render_text(const Explanation& explanation,
                                      const ExplanationView& view = {});
[[nodiscard]] std::string render_json_lines(const Explanation& explanation,
                                            const ExplanationView& view = {});
[[nodiscard]] std::string render_html(const Explanation& explanation,
                                      const ExplanationView& view = {});

}  // namespace transept
