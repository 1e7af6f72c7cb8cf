//! LightGBM's text models: its own raw scores, bit for bit, and what is refused.

mod tree_files;

use monobloc::ErrorKind;
use monobloc::import::lightgbm::{Level, LightgbmModel, LightgbmOptions};
use monobloc::model::link::{Link, Summation};
use monobloc::model::trees::source::Combine;
use proptest::prelude::*;
use tree_files::{folder, hold_scores};

fn text(name: &str) -> String {
    std::fs::read_to_string(folder("lightgbm").join(name)).expect("a model")
}

fn read(text: &str) -> LightgbmModel {
    LightgbmModel::read(text.as_bytes(), &LightgbmOptions::default()).expect("a model")
}

#[test]
fn raw_scores_are_lightgbms() {
    hold_scores("lightgbm", 16, |name| read(&text(&format!("{name}.txt"))).ensemble);
}

#[test]
fn headers_and_tails_are_read() {
    for version in [3, 4] {
        let model = read(&text(&format!("v{version}_binary.txt")));
        assert_eq!(model.version, version);
        assert_eq!(model.objective, "binary sigmoid:1.25");
        assert_eq!(model.link, Link::Logistic { scale: 1.25, complement: false });
        assert_eq!(model.feature_names, ["amount", "colour", "rate", "code", "grade"]);
        assert_eq!(model.categorical_features, [1, 3], "ordered categories are numbers");
        let colours = ["blue", "green", "red", "white"].map(|name| Level::Text(name.to_owned()));
        let codes = [2, 3, 5, 7, 11, 13].map(Level::Integer);
        let grades = [1.5, 2.5].map(Level::Number);
        assert_eq!(model.categories, [colours.to_vec(), codes.to_vec(), grades.to_vec()]);
        assert!(model.ensemble.trees.iter().all(|tree| tree.cover.as_ref().is_some_and(|c| c[0] == 500.0)));

        let model = read(&text(&format!("v{version}_multiclass.txt")));
        assert_eq!(model.link, Link::Softmax { summation: Summation::InOrder });
        assert_eq!((model.n_classes, model.ensemble.n_outputs, model.ensemble.trees.len()), (3, 3, 9));
        assert_eq!(model.ensemble.trees[4].output, 1);

        let model = read(&text(&format!("v{version}_random_forest.txt")));
        assert!(model.ensemble.combine == Combine::Mean);
        let model = read(&text(&format!("v{version}_one_hot.txt")));
        assert_eq!(model.link, Link::SquareWithSign);
        let model = read(&text(&format!("v{version}_constant.txt")));
        assert!(model.ensemble.trees.iter().all(|tree| tree.left == [-1]));
    }
    let without_pandas = text("v4_binary.txt").replace("pandas_categorical:", "other:");
    assert!(read(&without_pandas).categories.is_empty());
    let truths =
        text("v4_constant.txt").replace("pandas_categorical:[]", "pandas_categorical:[[true, -0.5]]");
    assert_eq!(read(&truths).categories, [[Level::Boolean(true), Level::Number(-0.5)]]);
}

#[test]
fn iterations_are_chosen() {
    let text = text("v4_multiclass.txt");
    let some = |range| {
        let options = LightgbmOptions { iterations: Some(range) };
        LightgbmModel::read(text.as_bytes(), &options).map_err(|error| error.kind())
    };
    let model = some(1..3).expect("a model");
    assert_eq!(model.ensemble.trees.len(), 6);
    assert_eq!(model.ensemble.trees[0].values, read(&text).ensemble.trees[3].values);
    for (start, end) in [(0, 4), (2, 2), (3, 1)] {
        assert_eq!(some(start..end).err(), Some(ErrorKind::InvalidArgument));
    }
}

/// Refuses `v4_binary.txt` with `from` replaced by `to`, for a reason that has `words`.
fn check(from: &str, to: &str, kind: ErrorKind, words: &str) {
    let sound = text("v4_binary.txt");
    assert!(sound.contains(from), "{from}");
    let altered = sound.replacen(from, to, 1);
    let error = LightgbmModel::read(altered.as_bytes(), &LightgbmOptions::default()).expect_err(to);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}\nlacks {words}");
}

#[test]
fn damaged_texts_are_refused() {
    use ErrorKind::{Corrupt, Unsupported};
    let line = |key: &str| {
        let text = text("v4_binary.txt");
        text.lines().find(|line| line.starts_with(key)).expect("a line").to_owned()
    };
    check("tree\n", "forest\n", Corrupt, "line 1: found \"forest\"");
    check("tree\n", "{\"name\":\"tree\"\n", Corrupt, "use save_model");
    check("version=v4", "version=v2", Unsupported, "v2");
    check("version=v4\n", "", Corrupt, "has no version");
    check("num_class=1\n", "num_class=x\n", Corrupt, "line 3: num_class is \"x\"");
    check("num_class=1\n", "num_class=1\nnum_class=1\n", Corrupt, "repeats \"num_class\"");
    check("num_tree_per_iteration=1", "num_tree_per_iteration=2", Corrupt, "with 2 trees per iteration");
    check("num_tree_per_iteration=1", "num_tree_per_iteration=0", Corrupt, "a positive number");
    check("max_feature_idx=4", "max_feature_idx=9999999", Corrupt, "expected 10000000");
    check("max_feature_idx=4", "max_feature_idx=-1", Corrupt, "max_feature_idx is -1");
    check("objective=binary", "objective=magic", Unsupported, "magic");
    check("feature_names=amount ", "feature_names=", Corrupt, "feature_names is 4 entries");
    check(&line("tree_sizes"), "tree_sizes=1", Corrupt, "3 trees; tree_sizes names 1");
    check("Tree=1", "Tree=2", Corrupt, "expected \"Tree=1\"");
    check("end of trees", "end", Corrupt, "expected \"Tree=3\"");
    check("end of parameters", "", Corrupt, "within its parameters");
    check("num_leaves=6", "num_leaves=10000000", Corrupt, "6 entries; expected 10000000");
    check("num_leaves=6", "num_leaves=0", Corrupt, "at least one leaf");
    check("num_leaves=6", "num_leaves=-6", Corrupt, "tree 0");
    check("is_linear=0", "is_linear=1", Unsupported, "linear_tree=false");
    check("leaf_value=", "leaf_value=1 ", Corrupt, "leaf_value is 7 entries; expected 6");
    check("leaf_value=", "leaf_values=", Corrupt, "tree 0 has no leaf_value");
    check("leaf_count=", "leaf_count=-", Corrupt, "for a node");
    check("pandas_categorical:[", "pandas_categorical:", Corrupt, "pandas_categorical");
    check("pandas_categorical:[[", "pandas_categorical:[[[], ", Unsupported, "column 0");
    check("pandas_categorical:[[", "pandas_categorical:[[18446744073709551615, ", Unsupported, "64-bit");
}

#[test]
fn damaged_trees_are_refused() {
    use ErrorKind::Corrupt;
    let text = text("v4_binary.txt");
    let block = &text[text.find("Tree=0").expect("a tree")..text.find("Tree=1").expect("a tree")];
    let words = |key: &str| {
        let line = block.lines().find(|line| line.starts_with(key)).expect("a line");
        line.split_once('=').expect("words").1.split(' ').collect::<Vec<_>>()
    };
    let alter = |key: &str, at: usize, to: &str, reason: &str| {
        let sound = words(key);
        let mut altered = sound.clone();
        altered[at] = to;
        let line = |words: &[&str]| format!("{key}={}\n", words.join(" "));
        check(&line(&sound), &line(&altered), Corrupt, reason);
    };
    let inner = words("left_child").iter().position(|child| !child.starts_with('-')).expect("a node");
    alter("left_child", inner, "0", "which the tree does not have");
    alter("left_child", inner, "5", "which the tree does not have");
    alter("left_child", inner, "-7", "has child -7, which the tree does not have");
    alter("left_child", inner, "-9223372036854775808", "which the tree does not have");
    alter("left_child", inner, words("right_child")[inner], "which another node has too");
    alter("right_child", 0, "left", "is \"left\" at place 0");
    alter("split_feature", 0, "5", "node 0 splits feature 5; the model has 5");
    alter("split_feature", 0, "-1", "node 0 splits feature -1");
    let categorical =
        words("decision_type").iter().position(|&kind| kind == "1").expect("a categorical node");
    let numerical = words("decision_type").iter().position(|&kind| kind != "1").expect("a numerical node");
    alter("threshold", numerical, "nan", "has no threshold (NaN)");
    alter("threshold", numerical, "0,5", "expected a number");
    alter("decision_type", numerical, "12", "has decision type 12");
    alter("decision_type", numerical, "-2", "has decision type -2");
    alter("decision_type", numerical, "300", "expected an integer that fits");
    for threshold in ["7", "-1", "0.5", "nan"] {
        alter("threshold", categorical, threshold, "has categorical split");
    }
    alter("cat_boundaries", 0, "2", "cat_boundaries is 2 to 1");
    alter("cat_boundaries", words("cat_boundaries").len() - 1, "1000000000", "cat_threshold is");
    alter("cat_threshold", 0, "4294967296", "expected an integer that fits");
    alter("num_cat", 0, "2147483647", "cat_boundaries is");
    alter("num_cat", 0, "0", "the tree has 0");
}

fn survives(bytes: &[u8]) {
    let Ok(model) = LightgbmModel::read(bytes, &LightgbmOptions::default()) else { return };
    let row = vec![f64::NAN; model.ensemble.n_features];
    model.ensemble.raw_scores(&row).expect("scores of a model that was read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_safely(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
        survives(&[b"tree\nversion=v4\n", bytes.as_slice()].concat());
    }

    #[test]
    fn altered_texts_are_read_safely(
        name in prop::sample::select(vec!["v4_binary.txt", "v4_multiclass.txt", "v3_constant.txt"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), b' '..b'~'), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = text(name).into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        survives(&bytes);
    }
}

#[test]
fn truncated_texts_are_refused() {
    let text = text("v4_binary.txt");
    let trees = text.find("end of trees").expect("an end");
    for end in (0..=trees).step_by(7) {
        LightgbmModel::read(&text.as_bytes()[..end], &LightgbmOptions::default()).expect_err("truncated");
    }
}
