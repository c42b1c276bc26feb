// SPDX-License-Identifier: MIT
#include "support/encoder_list.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include <lacuna/encoder/active_set.hpp>
#include <lacuna/encoder/adam_inference.hpp>
#include <lacuna/encoder/best_of.hpp>
#include <lacuna/encoder/coordinate_descent.hpp>
#include <lacuna/encoder/cosamp.hpp>
#include <lacuna/encoder/debiased.hpp>
#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/ista.hpp>
#include <lacuna/encoder/iterative_hard_thresholding.hpp>
#include <lacuna/encoder/locally_competitive.hpp>
#include <lacuna/encoder/marginal_threshold.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_least_squares.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/encoder/refined.hpp>
#include <lacuna/encoder/truncated.hpp>
#include <lacuna/penalty/elastic_net.hpp>
#include <lacuna/penalty/l1.hpp>
#include <lacuna/penalty/nonnegative_l1.hpp>
#include <lacuna/penalty/weighted.hpp>

namespace lacuna::examples {

namespace {

using Settings = EncoderSettings;

template <class E>
[[nodiscard]] NamedEncoder any(const E& encoder, bool uses_lambda = false, double active = 0) {
  return {AnyEncoder<CodesFor<E, AnyDictionary>>(encoder), uses_lambda, active};
}

/// An encoder of at most k active entries.
template <class E>
[[nodiscard]] NamedEncoder sparse(const Settings& s) {
  typename E::Options options{.k = s.k};
  if constexpr (requires { options.nonnegative; }) options.nonnegative = s.nonnegative;
  options.threads = s.threads;
  return any(E(options));
}

/// The settings as the options of whatever solver they are given to.
struct SolverOptions {
  const Settings& settings;

  template <class Options>
  requires requires(Options options) { options.tolerance; }
  operator Options() const {  // NOLINT: the point is that it need not be said
    Options options;
    options.tolerance = settings.tolerance;
    if constexpr (requires { options.max_iterations; })
      options.max_iterations = settings.max_iterations;
    options.threads = settings.threads;
    return options;
  }
};

/// `make(penalty)` with the penalty that the settings ask for.
template <class Make>
[[nodiscard]] NamedEncoder penalised(const Settings& s, const Make& make) {
  if (s.nonnegative) return any(make(NonnegativeL1(s.lambda)), true);
  return any(make(L1(s.lambda)), true);
}

/// A solver of the lasso: `make(penalty, options)`.
template <class Make>
[[nodiscard]] auto lasso(Make make) {
  return [make](const Settings& s) {
    return penalised(s, [&](const auto& penalty) { return make(penalty, SolverOptions{s}); });
  };
}

[[nodiscard]] NamedEncoder adam_inference(const Settings& s) {
  require(s.nonnegative, "adam_inference", "its codes are positive, signed ones were asked for");
  // The paper's 20,000 steps of 1e-3; fewer are longer, as the codes begin at exp(-10).
  const double rate = 20 / static_cast<double>(std::max<Index>(1, s.adam_steps));
  return any(AdamInference(NonnegativeL1(s.lambda), {.learning_rate = rate,
                                                     .steps = s.adam_steps,
                                                     .epsilon = s.adam_epsilon,
                                                     .threads = s.threads}),
             true, 1e-4);
}

[[nodiscard]] NamedEncoder elastic_net(const Settings& s) {
  return penalised(s, [&](const auto& penalty) {
    return CoordinateDescent(ElasticNet(penalty, s.ridge), SolverOptions{s});
  });
}

[[nodiscard]] NamedEncoder weighted(const Settings& s) {
  return penalised(s, [&](const auto& penalty) {
    return CoordinateDescent(Weighted(penalty, s.lengths), SolverOptions{s});
  });
}

/// Those that fail on different signals. Types are forgotten: nothing but the choice is compiled.
[[nodiscard]] NamedEncoder best_of(const Settings& s) {
  const auto member = [&](const char* expression) {
    return std::get<AnyEncoder<SparseCodes<float>>>(make_encoder(expression, s).encoder);
  };
  return any(BestOf({.k = s.k, .threads = s.threads}, member("ols"), member("cosamp"),
                    member("debiased(truncated(active_set))")),
             true);
}

struct Entry {
  const char* name;
  const char* meaning;
  std::function<NamedEncoder(const Settings&)> make;
};

/// An encoder that comes in is one line here.
[[nodiscard]] const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      {"marginal_threshold", "MarginalThreshold: the k largest of D^T x",
       sparse<MarginalThreshold>},
      {"matching_pursuit", "MatchingPursuit: k choices", sparse<MatchingPursuit>},
      {"omp", "OrthogonalMatchingPursuit: k atoms", sparse<OrthogonalMatchingPursuit>},
      {"ols", "OrthogonalLeastSquares: k atoms", sparse<OrthogonalLeastSquares>},
      {"iht", "IterativeHardThresholding: k entries", sparse<IterativeHardThresholding>},
      {"cosamp", "Cosamp: k entries", sparse<Cosamp>},
      {"exhaustive_search", "ExhaustiveSearch: the best code of k entries",
       sparse<ExhaustiveSearch>},
      {"ista", "Ista over lambda",
       lasso([](auto penalty, auto options) { return Ista(penalty, options); })},
      {"fista", "Fista over lambda",
       lasso([](auto penalty, auto options) { return Fista(penalty, options); })},
      {"coordinate_descent", "CoordinateDescent over lambda",
       lasso([](auto penalty, auto options) { return CoordinateDescent(penalty, options); })},
      {"active_set", "ActiveSet over lambda: exact on its support",
       lasso([](auto penalty, auto options) { return ActiveSet(penalty, options); })},
      {"lca", "LocallyCompetitive over lambda",
       lasso([](auto penalty, auto options) { return LocallyCompetitive(penalty, options); })},
      {"elastic_net", "CoordinateDescent over lambda and the ridge", elastic_net},
      {"weighted", "CoordinateDescent over lambda times the length of each atom", weighted},
      {"adam_inference", "AdamInference over lambda: the seed paper's", adam_inference},
      {"best_of", "BestOf ols, cosamp, debiased(truncated(active_set))", best_of},
  };
  return list;
}

struct Wrapper {
  const char* name;
  const char* meaning;
  std::function<NamedEncoder(const NamedEncoder&, const Settings&)> wrap;
};

[[nodiscard]] const std::vector<Wrapper>& wrappers() {
  static const std::vector<Wrapper> list = {
      {"truncated", "Truncated: the k largest entries of E's code",
       [](const NamedEncoder& inner, const Settings& s) {
         return std::visit(
             [&](const auto& e) {
               return any(Truncated(e, s.k, {.threads = s.threads}), inner.uses_lambda,
                          inner.active);
             },
             inner.encoder);
       }},
      {"debiased", "Debiased: least squares on the support of E's code",
       [](const NamedEncoder& inner, const Settings& s) {
         return std::visit(
             [&](const auto& e) {
               return any(Debiased(e, {.nonnegative = s.nonnegative,
                                       .active = inner.active,
                                       .threads = s.threads}),
                          inner.uses_lambda);
             },
             inner.encoder);
       }},
      {"refined", "Refined: some steps of FISTA, lambda, from E's code",
       [](const NamedEncoder& inner, const Settings& s) {
         return std::visit(
             [&](const auto& e) {
               return penalised(s, [&](const auto& penalty) {
                 return Refined(e, Fista(penalty, SolverOptions{s}), s.refine_steps);
               });
             },
             inner.encoder);
       }},
  };
  return list;
}

[[nodiscard]] std::string names() {
  std::string text;
  for (const Entry& entry : entries()) text += (text.empty() ? "" : ", ") + std::string(entry.name);
  for (const Wrapper& wrapper : wrappers()) text += std::string(", ") + wrapper.name + "(E)";
  return text + ", signed(E)";
}

}  // namespace

NamedEncoder make_encoder(const std::string& expression, const EncoderSettings& settings) {
  const std::size_t open = expression.find('(');
  const std::string head = expression.substr(0, open);
  if (open == std::string::npos) {
    if (head == "model" && settings.model) return *settings.model;
    for (const Entry& entry : entries())
      if (head == entry.name) return entry.make(settings);
  } else {
    require(expression.ends_with(')'), "--encoders", "\"" + expression + "\" has no closing )");
    const std::string inner = expression.substr(open + 1, expression.size() - open - 2);
    if (head == "signed") {
      EncoderSettings either_sign = settings;
      either_sign.nonnegative = false;
      return make_encoder(inner, either_sign);
    }
    for (const Wrapper& wrapper : wrappers())
      if (head == wrapper.name) return wrapper.wrap(make_encoder(inner, settings), settings);
  }
  throw std::invalid_argument("--encoders: there is no \"" + head +
                              (open == std::string::npos ? "\"" : "(E)\"") + "; there are " +
                              names());
}

std::vector<std::string> default_encoders(bool nonnegative) {
  std::vector<std::string> list;
  for (const Entry& entry : entries()) {
    const std::string name = entry.name;
    // Atoms of one length, as random ones are, make it coordinate_descent again.
    if (name == "weighted" || (name == "adam_inference" && !nonnegative)) continue;
    list.push_back(name);
  }
  if (nonnegative) list.emplace_back("signed(omp)");
  for (const char* combination :
       {"refined(marginal_threshold)", "debiased(marginal_threshold)", "truncated(active_set)",
        "debiased(active_set)", "debiased(truncated(active_set))"})
    list.emplace_back(combination);
  return list;
}

bool fits(const std::string& expression, Index num_atoms, Index k) {
  if (expression.find("exhaustive_search") == std::string::npos) return true;
  double most = 1, supports = 1;
  for (Index size = 1; size <= std::min(k, num_atoms); ++size) {
    supports *= static_cast<double>(num_atoms - size + 1) / static_cast<double>(size);
    most = std::max(most, supports);
  }
  return most <= static_cast<double>(ExhaustiveSearch::max_supports);
}

std::string encoder_help() {
  std::string text = "Encoders:\n";
  const auto add = [&](std::string name, const char* meaning) {
    name.resize(std::max<std::size_t>(20, name.size() + 1), ' ');
    text += "  " + name + meaning + "\n";
  };
  for (const Entry& entry : entries()) add(entry.name, entry.meaning);
  for (const Wrapper& wrapper : wrappers()) add(std::string(wrapper.name) + "(E)", wrapper.meaning);
  add("signed(E)", "E without the constraint that codes are >= 0");
  add("model", "the encoder of --model");
  return text + "These nest: debiased(truncated(fista)), refined(model).";
}

}  // namespace lacuna::examples
