# Print Dice by structure and arm from the summary of `scartools evaluate`: mean over the patients who have the
# structure, with its 95 % interval, and where the wall came from that the network was shown.
NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
{
    arm = $column["arm"]; structure = $column["structure"]
    if (!(arm in seen)) { seen[arm] = 1; arms[++count] = arm; source[arm] = $column["prior_source"] }
    mean = $column["dice_mean_positive"]
    low = $column["dice_mean_positive_lower"]; high = $column["dice_mean_positive_upper"]
    if (mean == "n/a") dice[arm, structure] = mean
    else dice[arm, structure] = sprintf("%.2f", mean) (low == "n/a" ? "" : sprintf(" [%.2f, %.2f]", low, high))
    patients = $column["n_patients"]
}
END {
    split("lv_pool myocardium scar rv_pool", structures, " ")
    printf "Dice of %d test patients, mean over those who have the structure, 95 %% interval\n\n", patients
    printf "%-26s %-10s", "arm", "prior"
    for (s = 1; s <= 4; s++) printf " %-18s", structures[s]
    printf "\n"
    for (a = 1; a <= count; a++) {
        printf "%-26s %-10s", arms[a], source[arms[a]]
        for (s = 1; s <= 4; s++) printf " %-18s", dice[arms[a], structures[s]]
        printf "\n"
    }
}
