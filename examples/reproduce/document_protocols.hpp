// SPDX-License-Identifier: MIT
#ifndef LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_PROTOCOLS_HPP
#define LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_PROTOCOLS_HPP

#include <array>

namespace lacuna::examples {

/// What docs/reproduction.md says of an experiment before it shows numbers.
struct Protocol {
  const char* experiment;
  const char* title;
  bool in_bar;  ///< its rows are among those of which nine in ten are to agree
  const char* text;
};

/// In the order of the document.
inline constexpr std::array<Protocol, 12> protocols = {{
    {"known-codes", "Known codes", true,
     "Codes are given and the encoder alone is trained, with biases, on the cosine between each "
     "latent and its truth over the batch: N = 16, M = 8, K = 3, 1,024 + 1,024 signals, Adam at "
     "1e-3, 20,000 steps on the full batch. Code MCC is signed and not permuted here. The "
     "paper's five runs share one data set and differ in their initialisation; ours have a data "
     "set each."},
    {"known-dictionary", "Known dictionary", true,
     "The true dictionary is fixed and encoders without biases learn from signals alone, by "
     "squared error + .01 mean |s|, both means over all entries: 20,000 steps at 1e-3. SAE + "
     "ITO is Adam on log-codes of the test signals, as many steps at the same rate. A slip: it "
     "is said to start from the SAE's codes, and the paper's code ignores them and starts at "
     "exp(-10), so that its curves for both starts are one, with standard deviation 0."},
    {"unknown", "Neither known", true,
     "Dictionary and codes are learned: 40,000 steps at 1e-3, penalty .01, no biases. Sparse "
     "coding learns a log-code for each training signal beside the dictionary. Its test codes, "
     "and those of SAE + ITO, are 10,000 steps of Adam at 3e-3 from exp(-10). Atoms are made of "
     "unit norm before each step, but the part of the gradient along the atom is left in and "
     "feeds Adam's moments; the published protocol keeps that. Dictionary MCC is a Pearson "
     "correlation over 8 entries: two random dictionaries have .67."},
    {"scaling", "Contours over N and M", true,
     "N from 16 to 128, M from 8 to 32; 50,000 steps at 3e-3, penalty .01, encoders with biases, "
     "MLP of 32 hidden units; each of the paper's three runs has its own data. The code that made "
     "the contours is not in its repository, and a script of the name that is has 1e-3. The rate "
     "is read from its numbers: on its three data sets and from its starts, 3e-3 gives "
     "the SAE .9577 +- .0552 at 16 x 16 (paper .9576 +- .0553) and the MLP .9180 +- .0580 at M = "
     "32, N = 16 (.9180 +- .0580); 1e-3 gives the MLP .960 there. A cell's value is the code MCC "
     "at the end. The recovery boundary is M = 2 K ln(N/K), as in the paper's figures."},
    {"width", "Width of the MLP", false,
     "(N, M, K) = (16, 8, 3), (32, 16, 6), (64, 16, 6), hidden units 16 to 512: 100,000 steps "
     "at 3e-4, penalty .01, no biases. What the paper plots as MSE holds the penalty too."},
    {"penalty", "Penalty", true,
     "Nine penalties at N = 16, M = 8, K = 3, 100,000 steps at 3e-3 for all methods, encoders "
     "with biases. Errors are of squared error alone. L0 is the share of codes above 1e-3, "
     "1e-4, 1e-5 and 0; codes exp(u) of sparse coding are never 0, so that their L0 is as much "
     "the threshold's."},
    {"topk", "L1 against TopK", true,
     "Three files of the paper: 7a trains with the penalty or with top-k; 7b (two data sets) and "
     "7c (three) take sparse coding learned with the penalty and keep the k largest codes, or "
     "infer anew with top-k in the loop. A slip in the latter: all codes begin equal, the first "
     "top-k chooses k of them as the ties fall, these alone get a gradient, and the support is "
     "frozen from then on. The script of 7a is not in the repository, and what it did is read "
     "from its numbers. Its rows of sparse coding are those of the penalty sweep to the last "
     "digit, so that data, seeds and steps are the same, and those of its autoencoders are not: "
     "they have no biases, as in the repository's models when the file came in (at penalty 5 its "
     "SAE has error .349; 7b's, without biases, .351; the sweep's, with biases, .311). Its sparse "
     "coding with top-k has codes max(u, 0), u normal at first, which the repository's class "
     "offers and no script of it uses: half of the codes never get a gradient, hence an L0 of .26 "
     "whatever k is from 5 on."},
    {"bias", "Biases", true,
     "Each method with and without biases: 100,000 steps, penalty .01, one data set in the "
     "paper; the MLP of 64 hidden units at 1e-4, the rest at 1e-3. L0 is the share above 1e-4. "
     "A slip: sparse coding infers test codes with its bias, and its test loss leaves the bias "
     "out."},
    {"sklearn", "Dictionary learning by LASSO, as in scikit-learn", false,
     "Signed Gaussian codes, other data than everywhere else: scikit-learn 1.5's "
     "DictionaryLearning learns at alpha 1, test codes are a LASSO at alpha .05, with the "
     "paper's single run a cell. M = 8 with K = 9 is among the cells."},
    {"zipf", "Zipf's law", false,
     "Atom i is active with weight 1/i and its amplitude times (its share + .1): rare atoms are "
     "faint too. The three regimes otherwise as above."},
    {"large", "N = 1000, M = 200, K = 20", false,
     "The paper has the code for known codes at this size and no results: minibatches of 1,024, "
     "Adam at 1e-3, MCC a mean over minibatches. Here they are trained until the test MCC no "
     "longer rises; known dictionary and neither known, with 500,000 signals, go beyond the "
     "paper."},
    {"theory", "What is proven", false,
     "Exact small cases of the theorem that an affine map and a pointwise function cannot find "
     "sparse codes which inference finds: claims, what is expected of each and what came out."},
}};

}  // namespace lacuna::examples

#endif  // LACUNA_EXAMPLES_REPRODUCE_DOCUMENT_PROTOCOLS_HPP
