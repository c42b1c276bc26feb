// SPDX-License-Identifier: MIT
// Dictionary learning: rounds by hand, schedules, revival, states that resume, restarts that end
// where the residual vanishes, and dictionaries that are found.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <lacuna/encoder/exhaustive_search.hpp>
#include <lacuna/encoder/fista.hpp>
#include <lacuna/encoder/linear_relu.hpp>
#include <lacuna/encoder/matching_pursuit.hpp>
#include <lacuna/encoder/orthogonal_matching_pursuit.hpp>
#include <lacuna/metric/dictionary_recovery.hpp>
#include <lacuna/synthetic/compositional_model.hpp>
#include <lacuna/synthetic/synthetic_model.hpp>
#include <lacuna/trainer/dictionary_learning.hpp>
#include <lacuna/trainer/restarts.hpp>
#include <lacuna/update/gradient.hpp>
#include <lacuna/update/least_squares.hpp>

#include "support/catch.hpp"
#include "support/refusal.hpp"

namespace {

using namespace lacuna;
using test::message_of;
using test::says;
using UnitNorm = UnitNormDictionary<double>;
using Source = InMemorySource<double>;
using Solver = ActiveSet<NonnegativeL1>;
using Coder = Model<Identity, UnitNorm, Solver>;

template <class S>
bool same_bits(const Matrix<S>& a, const Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
}

/// Signals of a true dictionary, 8 x 12, and a model that begins elsewhere.
struct Problem {
  SyntheticModel<double> truth{{.dim = 8, .num_atoms = 12, .num_active = 2}, 1};
  Matrix<double> signals = truth.sample(120, 2).signals;
  [[nodiscard]] Coder model() const {
    return {Identity{}, UnitNorm(signal_atoms<double>(signals, 12, {.seed = 3})),
            Solver(NonnegativeL1(0.1))};
  }
  [[nodiscard]] Source source(Index batch_size = 0) const {
    return Source(signals, {.batch_size = batch_size, .seed = 4});
  }
};

TrainingRound<double> round_of(const Matrix<double>& signals, const Matrix<double>& residual,
                               const Vector<double>& use, Index step = 0, Index steps = 10) {
  return {signals, residual, use, step, steps};
}

}  // namespace

// ---- the trainer --------------------------------------------------------------------------------

TEST_CASE("a round is inference, update, and the loss before it", "[alternating]") {
  const Problem p;
  Coder model = p.model();
  const UnitNorm before = model.dictionary;
  const SparseCodes<double> codes = model.encoder.encode(before, p.signals);
  UnitNorm by_hand = before;
  BlockCoordinateUpdate().update(by_hand, p.signals, codes);

  Progress seen;
  const Outcome outcome = AlternatingTrainer({.rounds = 1}, BlockCoordinateUpdate())
                              .fit(model, p.source(), [&](const Progress& progress) {
                                seen = progress;
                                return true;
                              });
  CHECK(same_bits(model.dictionary.atoms(), by_hand.atoms()));
  const double loss = (p.signals - before.decode(codes)).squaredNorm() / double(p.signals.size());
  CHECK(outcome.loss == Approx(loss).epsilon(1e-13));
  CHECK(seen.mean_l0 == Approx(double(codes.nonZeros()) / 120));
  CHECK(outcome.steps == 1);
  CHECK(outcome.flops > 0);
}

TEST_CASE("schedules set lambda and k at each round", "[alternating]") {
  const Problem p;
  SECTION("lambda") {
    std::vector<double> seen;
    Coder model = p.model();
    (void)AlternatingTrainer({.rounds = 4, .lambda = Schedule::linear(0.4, 0.0)},
                             BlockCoordinateUpdate())
        .fit(model, p.source(), [&](const Progress&) {
          seen.push_back(model.encoder.penalty().lambda());
          return true;
        });
    REQUIRE(seen.size() == 4);
    CHECK(seen[0] == Approx(0.4));
    CHECK(seen[3] == Approx(0.1));
  }
  SECTION("k") {
    Model model{Identity{}, p.model().dictionary, OrthogonalMatchingPursuit({.k = 5})};
    std::vector<double> l0;
    (void)AlternatingTrainer({.rounds = 3, .k = Schedule::linear(1, 4)}, LeastSquaresUpdate())
        .fit(model, p.source(), [&](const Progress& progress) {
          l0.push_back(progress.mean_l0);
          return true;
        });
    CHECK(l0 == std::vector<double>{1, 2, 3});
    CHECK(model.encoder.options().k == 3);
  }
  SECTION("a schedule that has nothing to set") {
    Model pursuit{Identity{}, p.model().dictionary, MatchingPursuit({.k = 2})};
    CHECK(says(message_of([&] {
                 (void)AlternatingTrainer({.rounds = 1, .lambda = 0.1}, LeastSquaresUpdate())
                     .fit(pursuit, p.source());
               }),
               "an encoder without a penalty"));
    Coder model = p.model();
    CHECK(says(message_of([&] {
                 (void)AlternatingTrainer({.rounds = 1, .k = 3}, LeastSquaresUpdate())
                     .fit(model, p.source());
               }),
               "an encoder that has no k"));
  }
}

TEST_CASE("a training that is resumed gives the bits of one that was not", "[alternating]") {
  const Problem p;
  const Index threads = GENERATE(1, 2);
  CAPTURE(threads);
  const AlternatingTrainer trainer(
      {.rounds = 12, .lambda = Schedule::geometric(0.3, 0.05)},
      BlockCoordinateUpdate({.memory = 60, .threads = threads}),
      ReplaceAtoms({.every = 2, .until = 1, .min_use = 0.3, .max_cosine = 0.7, .window = 60}));
  Coder whole = p.model();
  const Outcome straight = trainer.fit(whole, p.source(30));

  Coder first = p.model();
  auto state = trainer.start(first);
  const Outcome stopped = trainer.resume(
      first, state, p.source(30), [&](const Progress& progress) { return progress.step < 5; });
  CHECK(stopped.status == Status::stopped);
  CHECK(stopped.steps == 5);

  // Both are values with fields: what a checkpoint writes and reads back.
  static_assert(HasFields<decltype(state)>);
  Coder second = first;
  auto loaded = state;
  state = trainer.start(first);
  const Outcome outcome = trainer.resume(second, loaded, p.source(30));
  CHECK(same_bits(second.dictionary.atoms(), whole.dictionary.atoms()));
  CHECK(outcome.loss == straight.loss);
  CHECK(outcome.flops == straight.flops);
  CHECK(outcome.steps == 12);

  // The state of another training is refused.
  auto without = AlternatingTrainer({.rounds = 12}, BlockCoordinateUpdate()).start(second);
  loaded.use.resize(3);
  CHECK(says(message_of([&] { (void)trainer.resume(second, loaded, p.source(30)); }),
             "without this revival"));
  CHECK(without.use.size() == 0);
}

TEST_CASE("a memory of everything in equal batches ends as the full batch does", "[alternating]") {
  // Fixed codes of a fixed dictionary: what is accumulated is what there is.
  const Problem p;
  Coder full = p.model(), online = p.model();
  const AlternatingTrainer one({.rounds = 1}, BlockCoordinateUpdate());
  (void)one.fit(full, p.source());
  auto state = BlockCoordinateUpdate().start(online.dictionary);
  const SparseCodes<double> codes = online.encoder.encode(online.dictionary, p.signals);
  for (Index begin = 0; begin < 120; begin += 40)
    state.add("test", p.signals.middleCols(begin, 40),
              SparseCodes<double>(codes.middleCols(begin, 40)), 1.0);
  const CodeStatistics<double> together("test", p.signals, codes);
  CHECK((state.a - together.a).norm() <= 1e-13 * together.a.norm());
  CHECK((state.b - together.b).norm() <= 1e-13 * together.b.norm());
}

// ---- revival ------------------------------------------------------------------------------------

TEST_CASE("ReplaceAtoms replaces dead atoms and duplicates, and no others", "[replace_atoms]") {
  Matrix<double> atoms = Matrix<double>::Identity(4, 4);
  atoms.col(3) << 0.9, std::sqrt(1 - 0.81), 0, 0;  // at a cosine of .9 to the first
  const Matrix<double> signals = Matrix<double>::Ones(4, 3);
  Matrix<double> residual = Matrix<double>::Zero(4, 3);
  residual.col(1) << 0, 0, 0, 5;
  residual.col(2) << 0, 0, 3, 4;
  UnitNorm d(atoms);

  SECTION("a duplicate of a more used atom") {
    const Vector<double> use = (Vector<double>(4) << 0.4, 0.3, 0.2, 0.1).finished();
    CHECK(ReplaceAtoms().revive(d, round_of(signals, residual, use)) == std::vector<Index>{3});
    // Of equal residuals the earlier signal.
    CHECK((d.atoms().col(3) - Vector<double>::Unit(4, 3)).norm() < 1e-15);
    CHECK(same_bits(Matrix<double>(d.atoms().leftCols(3)), Matrix<double>(atoms.leftCols(3))));
  }
  SECTION("the more used of the two stays") {
    const Vector<double> use = (Vector<double>(4) << 0.1, 0.3, 0.2, 0.4).finished();
    CHECK(ReplaceAtoms().revive(d, round_of(signals, residual, use)) == std::vector<Index>{0});
  }
  SECTION("dead atoms, those of low use, each another residual") {
    const Vector<double> use = (Vector<double>(4) << 0.5, 0.0, 0.0004, 0.4996).finished();
    const ReplaceAtoms revival({.min_use = 0.01, .max_cosine = 1});
    CHECK(revival.revive(d, round_of(signals, residual, use)) == std::vector<Index>{1, 2});
    CHECK((d.atoms().col(1) - Vector<double>::Unit(4, 3)).norm() < 1e-15);
    CHECK(d.atoms().col(2).isApprox((Vector<double>(4) << 0, 0, 0.6, 0.8).finished()));
    CHECK((d.atoms().col(3) - atoms.col(3)).norm() < 1e-15);
  }
  SECTION("never more than there are signals that are not exact") {
    const Vector<double> none = Vector<double>::Zero(4);
    CHECK(ReplaceAtoms().revive(d, round_of(signals, residual, none)).size() == 2);
    const Matrix<double> exact = Matrix<double>::Zero(4, 3);
    CHECK(ReplaceAtoms().revive(d, round_of(signals, exact, none)).empty());
  }
  SECTION("the opposite of an atom is a duplicate where codes are signed") {
    Matrix<double> opposite = atoms;
    opposite.col(3) = -opposite.col(3);
    UnitNorm turned(opposite);
    const Vector<double> use = (Vector<double>(4) << 0.4, 0.3, 0.2, 0.1).finished();
    CHECK(ReplaceAtoms().revive(turned, round_of(signals, residual, use)).empty());
    CHECK(ReplaceAtoms({.signed_codes = true}).revive(turned, round_of(signals, residual, use)) ==
          std::vector<Index>{3});
  }
  SECTION("at its rounds alone, and not at the end") {
    const Vector<double> use = Vector<double>::Zero(4);
    const ReplaceAtoms revival({.every = 3, .until = 0.5});
    CHECK(revival.revive(d, round_of(signals, residual, use, 1, 20)).empty());
    CHECK_FALSE(revival.revive(d, round_of(signals, residual, use, 2, 20)).empty());
    CHECK(revival.revive(d, round_of(signals, residual, use, 11, 20)).empty());
  }
  CHECK(says(message_of([] { (void)ReplaceAtoms({.every = 0}); }), "every must be at least 1"));
  CHECK(says(message_of([] { (void)ReplaceAtoms({.max_cosine = 0}); }), "max_cosine must be in"));
  CHECK(says(message_of([] { (void)ReplaceAtoms({.until = 1.5}); }), "until must be in"));
}

TEST_CASE("planted dead and double atoms come alive, and what was found stays found",
          "[replace_atoms]") {
  // Orthonormal atoms: each is found from any signal that it is in, and has nothing to mix with.
  const Index n = 16;
  const Matrix<double> truth = Matrix<double>::Identity(n, n);
  const Matrix<double> signals =
      SyntheticModel<double>({.dim = n, .num_atoms = n, .num_active = 2}, 11).sample(800, 12).codes;
  // Half are the true ones; the others are copies of one of them, or point where no signal does.
  Matrix<double> atoms = truth;
  for (Index i = 8; i < 12; ++i) atoms.col(i) = truth.col(0) + 0.01 * truth.col(i);
  for (Index i = 12; i < n; ++i) atoms.col(i) = -truth.leftCols(8).rowwise().sum();
  Coder model{Identity{}, UnitNorm(atoms), Solver(NonnegativeL1(0.1))};
  REQUIRE(dictionary_recovery(truth, model.dictionary.atoms()).share_above < 0.6);
  (void)AlternatingTrainer({.rounds = 60, .lambda = Schedule::geometric(0.2, 0.005)},
                           BlockCoordinateUpdate({.passes = 2}), ReplaceAtoms({.every = 2}))
      .fit(model, Source(signals));
  const auto recovery = dictionary_recovery(truth, model.dictionary.atoms());
  CHECK(recovery.share_above == 1);
  for (std::size_t i = 0; i < 8; ++i) CHECK(recovery.atom_cosines[i] > 0.99);
}

// ---- what finds dictionaries
// ----------------------------------------------------------------------

TEST_CASE("DictionaryLearning recovers the dictionary from signals alone",
          "[dictionary_learning]") {
  const CompositionalModel<float> truth({.num_atoms = 60, .num_active = 4, .seed = 5});
  const Matrix<float> signals = truth.train(1500).signals;
  const auto learn = [&](Index rounds, Index threads) {
    const DictionaryLearning learning(
        {.num_atoms = 60, .rounds = rounds, .seed = 6, .threads = threads});
    auto model = learning.start<float>(signals);
    const Outcome outcome = learning.fit(model, signals);
    CHECK(outcome.steps == rounds);
    return Matrix<float>(model.dictionary.atoms());
  };
  const auto recovery = dictionary_recovery(truth.atoms(), learn(1000, 1));
  CHECK(recovery.share_above > 0.9);
  CHECK(recovery.cosine > 0.95);
  // The same bits at any number of threads.
  CHECK(same_bits(learn(60, 2), learn(60, 1)));

  // Signals in other units give the same dictionary but for rounding: every setting is relative.
  const DictionaryLearning learning({.num_atoms = 60, .rounds = 20, .seed = 6});
  auto small = learning.start<float>(signals),
       large = learning.start<float>(Matrix<float>(64 * signals));
  (void)learning.fit(small, signals);
  (void)learning.fit(large, Matrix<float>(64 * signals));
  CHECK((small.dictionary.atoms() - large.dictionary.atoms()).norm() <
        1e-2F * small.dictionary.atoms().norm());

  CHECK(DictionaryLearning({.num_atoms = 60}).rounds(1500) == 3200);
  CHECK(DictionaryLearning({.num_atoms = 1000}).rounds(25000) == 800);
  CHECK(DictionaryLearning({.num_atoms = 1000}).rounds(5000) == 1600);
  CHECK(DictionaryLearning({.num_atoms = 1000}).rounds(1) == 3200);
  CHECK(DictionaryLearning({.num_atoms = 500}).rounds(100000) == 1600);
  CHECK(DictionaryLearning({.num_atoms = 5000}).rounds(100000) == 400);
  CHECK(DictionaryLearning({.num_atoms = 100, .rounds = 7}).rounds(1) == 7);
  CHECK(says(message_of([] { (void)DictionaryLearning({.num_atoms = 0}); }), "num_atoms"));
  CHECK(
      says(message_of([] { (void)DictionaryLearning({.num_atoms = 5, .settle = 1}); }), "settle"));
  CHECK(says(message_of([] { (void)DictionaryLearning({.num_atoms = 5, .batch = 0}); }), "batch"));
  CHECK(says(message_of([] { (void)DictionaryLearning({.num_atoms = 5, .drop = 0}); }), "drop"));
  CHECK(says(message_of([&] { (void)learning.start<float>(Matrix<float>::Zero(4, 3)); }),
             "every signal is 0"));
}

TEST_CASE("DictionaryLearning leaves no bias on atoms that meet one atom often",
          "[dictionary_learning]") {
  // Atom 0 is in half of the signals, and meets the atoms of one pool alone. From the truth on, at a
  // lambda that stays: what shrinkage leaves of atom 0 must not gather on those that it meets.
  const CompositionalModel<float> truth({.num_atoms = 60, .num_active = 4, .seed = 5});
  const Matrix<float> signals = truth.train(3000).signals;
  const double lambda = 0.03;
  const Index rounds = 300;
  const DictionaryLearning learning({.num_atoms = 60,
                                     .rounds = rounds,
                                     .lambda_begin = lambda,
                                     .lambda_middle = lambda,
                                     .lambda_end = lambda,
                                     .seed = 6});
  auto model = learning.start<float>(signals);
  model.dictionary = UnitNormDictionary<float>(truth.atoms());
  auto bare = model;
  const auto bias = [&](const Matrix<float>& atoms) {
    const LatentRange pool = truth.id_pool();
    return double((truth.atoms().col(0).transpose() *
                   (atoms - truth.atoms()).middleCols(pool.begin, pool.count))
                      .mean());
  };
  learning.fit(model, signals);
  const Matrix<float>& atoms = model.dictionary.atoms();
  CHECK((atoms - truth.atoms()).colwise().norm().maxCoeff() < 0.05F);
  CHECK(std::abs(bias(atoms)) < 0.02);

  const double rms = double(signals.norm()) / std::sqrt(3000.0);
  AlternatingTrainer<BlockCoordinateUpdate>({.rounds = rounds, .lambda = Schedule(lambda * rms)},
                                            BlockCoordinateUpdate({.memory = Schedule(1000.0)}))
      .fit(bare, learning.source<float>(signals));
  CHECK(bias(bare.dictionary.atoms()) > 0.04);
}

TEST_CASE("restarts end where the residual vanishes, and there the dictionary is the true one",
          "[restarts]") {
  const SyntheticModel<double> truth({.dim = 6, .num_atoms = 8, .num_active = 2}, 21);
  const Matrix<double> signals = truth.sample(200, 22).signals;
  const auto best = fit_with_restarts(
      AlternatingTrainer(
          {.rounds = 40}, LeastSquaresUpdate(),
          ReplaceAtoms({.every = 5, .until = 0.7, .min_use = 0.1, .max_cosine = 0.95})),
      [&](Index i) {
        return Model{Identity{},
                     UnitNorm(signal_atoms<double>(signals, 8, {.seed = std::uint64_t(i)})),
                     ExhaustiveSearch({.k = 2, .nonnegative = true})};
      },
      Source(signals), {.max_starts = 60, .enough = 1e-12});
  INFO("seeds 21 and 22, " << best.starts << " starts, loss " << best.outcome.loss);
  REQUIRE(best.was_enough);
  CHECK(best.best_start == best.starts - 1);
  CHECK(dictionary_recovery(truth.atoms(), best.model.dictionary.atoms()).cosine > 0.99999);
}

TEST_CASE("of restarts the least loss is kept, and the flops of all are counted", "[restarts]") {
  const Problem p;
  const AlternatingTrainer trainer({.rounds = 3}, BlockCoordinateUpdate());
  const auto start = [&](Index i) {
    Coder model = p.model();
    model.dictionary =
        UnitNorm(signal_atoms<double>(p.signals, 12, {.seed = static_cast<std::uint64_t>(i)}));
    return model;
  };
  double least = std::numeric_limits<double>::infinity();
  Index which = -1;
  std::int64_t flops = 0;
  for (Index i = 0; i < 4; ++i) {
    Coder model = start(i);
    const Outcome outcome = trainer.fit(model, p.source());
    flops += outcome.flops;
    if (outcome.loss < least) {
      least = outcome.loss;
      which = i;
    }
  }
  const auto best = fit_with_restarts(trainer, start, p.source(), {.max_starts = 4});
  CHECK(best.starts == 4);
  CHECK(best.best_start == which);
  CHECK(best.outcome.loss == least);
  CHECK(best.outcome.flops == flops);
  CHECK_FALSE(best.was_enough);

  const auto stopped = fit_with_restarts(trainer, start, p.source(), {.max_starts = 4},
                                         [](const Progress&) { return false; });
  CHECK(stopped.starts == 1);
  CHECK(stopped.outcome.status == Status::stopped);
  CHECK(says(
      message_of([&] { (void)fit_with_restarts(trainer, start, p.source(), {.max_starts = 0}); }),
      "max_starts must be at least 1"));
}
